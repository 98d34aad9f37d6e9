"""Profiles: the rate of visits over time, the mix, the length and the faults of a run, from profiles.toml."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from loadtests.arrivals import RateCurve
from loadtests.breakpoint import Search

FILE = Path(__file__).parent / "profiles.toml"
# More are not told apart in a chart, and each takes some 20 kB of the generator's memory.
MOST_SLICES = 1800


class Kind(StrEnum):
    GATEWAY = "gateway"
    KILL = "kill"
    RELEASE = "release"


class Fault(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One fault: `start` and `length` are parts of the profile's length; see profiles.toml for the rest."""

    title: str
    kind: Kind
    start: float
    length: float = 0.0
    # Whose oldest container is killed, and started again after `length`.
    role: str = ""
    # What the test gateway does: the names of `python -m app.gateway fault set`, with _ for -.
    gateway: dict[str, float | bool] = {}
    # The share of requests that may fail from its start until `recovery` seconds after its end.
    error_rate: float = 0.0
    recovery: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1 or not 0 <= self.length <= 1 - self.start:
            raise ValueError(
                f"{self.title!r}: start {self.start} and length {self.length} are parts of 1, together"
            )
        if (self.kind is Kind.KILL) != bool(self.role) or (self.kind is Kind.GATEWAY) != bool(self.gateway):
            raise ValueError(f"{self.title!r}: kill names a role, gateway says what goes wrong, and no other")


class Mark(msgspec.Struct, kw_only=True):
    """A fault on the run's time axis, in seconds; `problem` says why it did not happen or was not mended."""

    title: str
    begin: float
    end: float
    error_rate: float
    recovery: float
    problem: str = ""


class Replicas(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Numbers of web containers to measure, `repeats` times each, of `cpus` cores and `users` users each."""

    sizes: tuple[int, ...]
    repeats: int = 3
    cpus: float = 0.2
    users: int = 6
    # Seconds that are not counted: new containers fill their own caches.
    warm_up: float = 5.0


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
    # Of the generator; 0 is one for each core.
    processes: int = 1
    # The rate is only the first of many: see loadtests/breakpoint.py.
    search: Search | None = None
    # A closed loop at several sizes: see loadtests/replicas.py.
    replicas: Replicas | None = None
    faults: tuple[Fault, ...] = ()
    # What the faults themselves make worse: overrides of objectives.toml, key by key.
    objectives: dict[str, Any] = {}

    @property
    def slice_seconds(self) -> float:
        """How finely a run is recorded over time: by the second, in hours more coarsely."""
        return float(max(1, -(-self.seconds // MOST_SLICES)))

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
