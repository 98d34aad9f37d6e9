"""What a stack's settings say about the policies: production or not, other levels, and waivers that expire.

The keys live in the stack's Pulumi settings (`Pulumi.<stack>.yaml`):

    config:
      policies:production: true            # default: the stack's name says so
      policies:levels:
        cdn-root-object: disabled          # mandatory, production, advisory or disabled
      policies:waivers:
        - policy: balancer-logs
          resource: public-*               # the resource's name or URN; * and ? match
          reason: Logs move to the new account in week 3.
          expires: 2027-01-31              # the last day on which it counts
"""

from __future__ import annotations

import datetime
import difflib
import fnmatch
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.graph import Resource
from policies.rules import Level, Policy

NAMESPACE = "policies"
KEYS = ("production", "levels", "waivers")
WAIVER_KEYS = ("policy", "resource", "reason", "expires")


class SettingsError(ValueError):
    """The settings of the policies can't be followed; the message quotes the value and says the mend."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Leave to breach one policy, on the resources that a pattern names, until a day and for a reason."""

    policy: str
    resource: str
    reason: str
    expires: datetime.date

    def covers(self, policy: Policy, resource: Resource) -> bool:
        names = (resource.name, resource.urn)
        return policy.id == self.policy and any(fnmatch.fnmatchcase(name, self.resource) for name in names)


@dataclass(frozen=True, slots=True)
class Settings:
    production: bool = False
    levels: Mapping[str, Level] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def level(self, policy: Policy) -> Level:
        """The level in force: `production` turns into mandatory in production and into advisory elsewhere."""
        level = self.levels.get(policy.id, policy.level)
        if level is Level.PRODUCTION:
            return Level.MANDATORY if self.production else Level.ADVISORY
        return level


def is_production(stack: str) -> bool:
    """Whether a stack's name says production: `production`, `shop-prod`, `prod-eu`, but not `non-prod`."""
    words = set(re.split(r"[^a-z0-9]+", stack.rsplit("/", maxsplit=1)[-1].lower()))
    return bool(words & {"prod", "production", "live"}) and not words & {"non", "not", "pre", "test"}


def parse(stack: str, config: Mapping[str, str], known: Iterable[str]) -> Settings:
    """The settings of `stack` from its Pulumi configuration; `known` are the ids of all policies.

    Raises `SettingsError` for an unknown key, policy or level, and for a waiver without reason or date.
    """
    given: dict[str, Any] = {}
    for key, text in config.items():
        namespace, _, name = key.partition(":")
        if namespace != NAMESPACE:
            continue
        require(name in KEYS, f"{key}: no such setting; {nearest(name, KEYS)}")
        try:
            given[name] = json.loads(text)
        except json.JSONDecodeError as error:
            msg = f"{key}: {text!r} is neither JSON nor a YAML block"
            raise SettingsError(msg) from error
    production = given.get("production", is_production(stack))
    require(
        isinstance(production, bool), f"{NAMESPACE}:production: must be true or false. Got {production!r}"
    )
    ids = list(known)
    return Settings(
        production=production,
        levels=parse_levels(given.get("levels", {}), ids),
        waivers=tuple(parse_waiver(index, item, ids) for index, item in enumerate(given.get("waivers", []))),
    )


def parse_levels(given: Any, ids: list[str]) -> dict[str, Level]:
    key = f"{NAMESPACE}:levels"
    require(isinstance(given, Mapping), f"{key}: must map policy ids to levels. Got {given!r}")
    for policy, level in given.items():
        require(policy in ids, f"{key}: no policy {policy!r}; {nearest(policy, ids)}")
        require(level in list(Level), f"{key}.{policy}: must be one of {', '.join(Level)}. Got {level!r}")
    return {policy: Level(level) for policy, level in given.items()}


def parse_waiver(index: int, given: Any, ids: list[str]) -> Waiver:
    key = f"{NAMESPACE}:waivers[{index}]"
    require(isinstance(given, Mapping), f"{key}: must have {', '.join(WAIVER_KEYS)}. Got {given!r}")
    for name in WAIVER_KEYS:
        require(
            bool(str(given.get(name) or "").strip()),
            f"{key}: has no {name}; a waiver says {', '.join(WAIVER_KEYS)}",
        )
    for name in given:
        require(name in WAIVER_KEYS, f"{key}: no such key {name!r}; {nearest(name, WAIVER_KEYS)}")
    require(given["policy"] in ids, f"{key}: no policy {given['policy']!r}; {nearest(given['policy'], ids)}")
    try:
        expires = datetime.date.fromisoformat(str(given["expires"])[:10])
    except ValueError as error:
        msg = f"{key}.expires: must be a day such as 2027-01-31. Got {given['expires']!r}"
        raise SettingsError(msg) from error
    return Waiver(given["policy"], given["resource"], given["reason"], expires)


def require(holds: bool, message: str) -> None:
    if not holds:
        raise SettingsError(message)


def nearest(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(names), n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names)}"
