"""Profiles: the rate of visits over time, the mix, the length and the faults of a run, from profiles.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from loadtests.arrivals import RateCurve
from loadtests.breakpoint import Search

FILE = Path(__file__).parent / "profiles.toml"


class Profile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One profile. `shape` holds (part of the length, part of the rate); `rate` is in visits per second."""

    name: str
    title: str
    seconds: float
    rate: float
    shape: tuple[tuple[float, float], ...]
    visits: dict[str, float] = {}
    payments: dict[str, float] = {}
    think_seconds: float | None = None
    # Everybody wants this many of the shop's variants.
    variants: int | None = None
    cold: bool = False
    # The rate is only the first of many: see loadtests/breakpoint.py.
    search: Search | None = None

    @property
    def curve(self) -> RateCurve:
        return RateCurve(tuple((part * self.seconds, factor * self.rate) for part, factor in self.shape))


def list_profiles() -> dict[str, Profile]:
    """Every profile of the file by its name. Raises msgspec.ValidationError for a wrong entry."""
    tables = tomllib.loads(FILE.read_text())
    return {name: msgspec.convert({"name": name, **table}, Profile) for name, table in tables.items()}


def read_profile(name: str, *, rate: float | None = None, seconds: float | None = None) -> Profile:
    """The profile, at another rate or length if given. Raises ValueError."""
    profiles = list_profiles()
    if name not in profiles:
        raise ValueError(f"profile {name!r}: there are {', '.join(profiles)}")
    profile = profiles[name]
    for key, value in (("rate", rate), ("seconds", seconds)):
        if value is not None and not value > 0:
            raise ValueError(f"{key} {value!r}: a number above 0")
    return msgspec.structs.replace(profile, rate=rate or profile.rate, seconds=seconds or profile.seconds)
