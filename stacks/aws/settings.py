"""The settings of an AWS environment, read once into frozen types, and refused as a whole when one does not
fit.

`parse` is pure: it takes the stack's configuration and the time, and never calls AWS. Every complaint quotes
its key and value and says the mend; all of them are reported together.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network
from typing import Any, Final, Literal

from stacks.aws.contradictions import find_contradictions
from stacks.aws.profiles import KEYS, REQUIRED
from stacks.aws.values import ZONE_LETTERS, Job, Sale, Table, read
from stacks.settings import SettingsError

__all__ = ["AwsSettings", "SettingsError", "parse"]


@dataclass(frozen=True)
class Network:
    cidr: IPv4Network
    zones: tuple[str, ...]
    nat: Literal["one", "per_zone"]
    endpoints: tuple[str, ...]
    flow_log_days: int
    vpc_id: str | None
    app_subnet_ids: tuple[str, ...]
    data_subnet_ids: tuple[str, ...]


@dataclass(frozen=True)
class Firewall:
    rate_limit: int
    back_office_allow: tuple[str, ...]
    logs: bool
    log_days: int


@dataclass(frozen=True)
class Certificates:
    domain: str
    zone_id: str | None
    create_zone: bool
    edge_arn: str | None
    balancer_arn: str | None

    @property
    def back_office_domain(self) -> str:
        return f"back-office.{self.domain}"


@dataclass(frozen=True)
class Edge:
    price_class: str
    logs: bool


@dataclass(frozen=True)
class Balancer:
    idle_timeout: int
    drain: int
    slow_start: int
    logs: bool


@dataclass(frozen=True)
class Store:
    compute: Literal["containers", "lambda", "none"]
    image: str | None
    release_image: str | None
    bundled: bool
    architecture: Literal["x86_64", "arm64"]
    deployment: Literal["rolling", "blue_green", "canary", "linear"]
    bake_minutes: int
    web_cpu: str
    web_memory: int
    web_minimum: int
    web_maximum: int
    worker_cpu: str
    worker_memory: int
    worker_minimum: int
    worker_maximum: int
    spot_percent: int
    autoscaling: bool
    cpu_target: int
    requests_per_target: int
    stop_timeout: int
    log_days: int
    sales: tuple[Sale, ...]
    sale_lead: int
    jobs: tuple[Job, ...]
    payment_gateway: Literal["test", "stripe"]
    payment_capture: Literal["order", "shipment"]
    gateway_url: str | None
    stripe_key: str | None = field(repr=False)
    stripe_webhook_key: str | None = field(repr=False)
    carrier: Literal["none", "easypost"]
    carrier_key: str | None = field(repr=False)
    carrier_webhook_key: str | None = field(repr=False)
    smtp_url: str | None
    smtp_password: str | None = field(repr=False)
    mail_from: str | None
    lambda_memory: int
    lambda_concurrency: int

    @property
    def given(self) -> dict[str, str]:
        """The credentials that others issued and the settings hold, by the name of their secret."""
        names = ("stripe_key", "stripe_webhook_key", "carrier_key", "carrier_webhook_key", "smtp_password")
        return {name.replace("_", "-"): value for name in names if (value := getattr(self, name))}


@dataclass(frozen=True)
class Database:
    engine: Literal["postgres", "mysql"]
    version: str
    instance_class: str
    storage: int
    storage_most: int
    multi_az: bool
    replicas: int
    proxy: bool
    backup_days: int
    log_days: int
    slow_query: int
    snapshot_id: str | None


@dataclass(frozen=True)
class Cache:
    engine: Literal["redis", "valkey", "memcached"]
    node_type: str
    nodes: int
    eviction: str
    snapshot_days: int


@dataclass(frozen=True)
class Documents:
    enabled: bool
    instance_class: str
    instances: int
    backup_days: int


@dataclass(frozen=True)
class WideColumn:
    enabled: bool


@dataclass(frozen=True)
class KeyValue:
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Storage:
    log_days: int
    old_version_days: int


@dataclass(frozen=True)
class Secrets:
    recovery_days: int
    own_keys: bool


@dataclass(frozen=True)
class Registry:
    keep: int


@dataclass(frozen=True)
class Monitoring:
    email: str
    runbooks: str
    trail: Literal["make", "adopt"]
    guardduty: Literal["make", "adopt"]


@dataclass(frozen=True)
class Backup:
    days: int
    restore_test: bool


@dataclass(frozen=True)
class Delivery:
    repository: str | None
    oidc_provider: Literal["make", "adopt"]


@dataclass(frozen=True)
class Budget:
    monthly: int


@dataclass(frozen=True)
class Loadgen:
    image: str | None
    workers: int
    cpu: str
    memory: int
    cidr: IPv4Network


ROLES: Final[Mapping[str, type]] = {
    "network": Network,
    "firewall": Firewall,
    "certificates": Certificates,
    "edge": Edge,
    "balancer": Balancer,
    "store": Store,
    "database": Database,
    "cache": Cache,
    "documents": Documents,
    "wide_column": WideColumn,
    "key_value": KeyValue,
    "storage": Storage,
    "secrets": Secrets,
    "registry": Registry,
    "monitoring": Monitoring,
    "backup": Backup,
    "delivery": Delivery,
    "budget": Budget,
    "loadgen": Loadgen,
}


@dataclass(frozen=True)
class AwsSettings:
    """One environment; `now` is the moment of the update, which decides where a sale stands."""

    stack: str
    profile: Literal["staging", "production"]
    owner: str
    cost_centre: str
    protect: bool
    region: str
    now: datetime
    provider: Mapping[str, str]
    network: Network
    firewall: Firewall
    certificates: Certificates
    edge: Edge
    balancer: Balancer
    store: Store
    database: Database
    cache: Cache
    documents: Documents
    wide_column: WideColumn
    key_value: KeyValue
    storage: Storage
    secrets: Secrets
    registry: Registry
    monitoring: Monitoring
    backup: Backup
    delivery: Delivery
    budget: Budget
    loadgen: Loadgen

    @property
    def tags(self) -> dict[str, str]:
        """The one list of tags: what the provider puts on everything and what the tag policy asks for."""
        return {
            "project": "storestack",
            "environment": self.stack,
            "owner": self.owner,
            "cost_centre": self.cost_centre,
        }


def parse(stack: str, config: Mapping[str, str], now: datetime) -> AwsSettings:
    """Return the environment that `config` describes; raise SettingsError with every complaint at once.

    The profile is `storestack:profile`, or the stack's own name where that is a profile, or staging.
    """
    complaints: list[str] = []
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,14}", stack):
        complaints.append(
            f"stack {stack!r}: must be 1 to 15 small letters, digits and dashes (it is part of every name)"
        )
    config = dict(config)
    config.setdefault("storestack:region", config.get("aws:region", ""))
    if not config["storestack:region"]:
        del config["storestack:region"]
    profile = config.pop("storestack:profile", stack if stack in ("staging", "production") else "staging")
    if profile not in ("staging", "production"):
        complaints.append(f"storestack:profile is {profile!r}: must be staging or production")
        profile = "staging"

    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        default = key.production if profile == "production" else key.staging
        if name in config:
            try:
                values[name] = read(key, config[name])
            except ValueError as error:
                shown = "aws:region" if name == "storestack:region" else name
                said = "is wrong" if key.kind == "secret" else f"is {config[name]!r}"
                complaints.append(f"{shown} {said}: {error}")
                values[name] = None
        elif default is REQUIRED:
            source = "aws:region" if name == "storestack:region" else name
            complaints.append(f"{source} is not set: {key.why}; run `pulumi config set {source} <value>`")
            values[name] = None
        else:
            values[name] = read(key, default) if key.kind == "cidr" else default
    complaints += _unknown(config)
    if not complaints:
        _complete(values)
        complaints += find_contradictions(profile, values, now)
    if complaints:
        raise SettingsError(complaints)

    roles = {
        role: kind(
            **{name.split(":")[1]: value for name, value in values.items() if name.startswith(f"{role}:")}
        )
        for role, kind in ROLES.items()
    }
    return AwsSettings(
        stack=stack,
        profile=profile,  # type: ignore[arg-type]
        owner=values["storestack:owner"],
        cost_centre=values["storestack:cost_centre"],
        protect=values["storestack:protect"],
        region=values["storestack:region"],
        now=now,
        provider={name: value for name, value in config.items() if name.startswith("aws:")},
        **roles,
    )


def _unknown(config: Mapping[str, str]) -> list[str]:
    """Complain of keys in the kit's namespaces that no table knows, with the nearest that it does."""
    spaces = {*ROLES, "storestack"}
    complaints = []
    for name in config:
        if name.split(":")[0] in spaces and name not in KEYS and name != "storestack:target":
            near = difflib.get_close_matches(name, KEYS, 1)
            mend = f"did you mean {near[0]}?" if near else "remove it"
            complaints.append(f"{name} is no setting of the aws target: {mend}")
    return complaints


def _complete(values: dict[str, Any]) -> None:
    """Fill in the defaults that follow from other settings."""
    region = values["storestack:region"]
    if isinstance(values["network:zones"], int):
        letters = ZONE_LETTERS[region][: values["network:zones"]]
        values["network:zones"] = tuple(region + letter for letter in letters)
    values["database:version"] = (
        values["database:version"] or {"postgres": "17", "mysql": "8.4"}[values["database:engine"]]
    )
    values["store:release_image"] = values["store:release_image"] or values["store:image"]
