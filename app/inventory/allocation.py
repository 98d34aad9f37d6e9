"""Decides which locations and rows give the units of an order; pure, so that it can be tested by itself.

The decision is made on what was read. The statement that carries it out checks it again: no row can go below
zero, and a cart whose held units have changed is not ordered.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Held = Mapping[tuple[int, int], int]


class Place(NamedTuple):
    """A row that has units; bucket 0 is the row of a location that is not spread."""

    location: int
    bucket: int
    available: int


class Claim(NamedTuple):
    """Units that an order or a cart has of a location."""

    variant: int
    location: int
    units: int


class Move(NamedTuple):
    """Units to take from a row, or to give back to it where negative."""

    variant: int
    location: int
    bucket: int
    units: int


class Allocation(NamedTuple):
    """All that is claimed in the end, and what must move for it beyond what is held already."""

    claims: list[Claim]
    moves: list[Move]


def allocate(
    wanted: Mapping[int, int], places: Mapping[int, Sequence[Place]], held: Held
) -> Allocation | None:
    """Claim the wanted units (by variant), keeping held ones; None when there are too few.

    `places` lists each variant's rows, those of the first location to be used first. What is not held comes
    from the first location that has all of it; when none has, each variant from the first location that has
    all of that; when none has, from one location after the other.
    """
    kept, moves = keep(wanted, places, held)
    missing = {variant: units - _sum(kept, variant) for variant, units in wanted.items()}
    missing = {variant: units for variant, units in missing.items() if units > 0}
    free = {variant: _by_location(places.get(variant, ())) for variant in missing}
    if any(
        sum(_count(rows) for rows in free[variant].values()) < units for variant, units in missing.items()
    ):
        return None
    claims = dict(kept)
    everything = _first_with_all(missing, free)
    for variant, units in missing.items():
        order = _locations_of(units, free[variant], everything)
        for location in order:
            part = min(units, _count(free[variant][location]))
            if part:
                claims[variant, location] = claims.get((variant, location), 0) + part
                moves += _take(variant, location, free[variant][location], part)
                units -= part  # noqa: PLW2901  # what is left for the next location
    return Allocation(_as_claims(claims), moves)


def keep(
    wanted: Mapping[int, int], places: Mapping[int, Sequence[Place]], held: Held
) -> tuple[dict[tuple[int, int], int], list[Move]]:
    """Of what is held, what is still wanted; and the moves that give back the rest."""
    kept: dict[tuple[int, int], int] = {}
    moves = []
    left = dict(wanted)
    for (variant, location), units in held.items():
        part = min(units, left.get(variant, 0))
        if part:
            kept[variant, location] = part
            left[variant] -= part
        if part < units:
            rows = [place.bucket for place in places.get(variant, ()) if place.location == location]
            moves.append(Move(variant, location, random.choice(rows or [0]), part - units))  # noqa: S311
    return kept, moves


def _as_claims(units: Mapping[tuple[int, int], int]) -> list[Claim]:
    return [Claim(variant, location, count) for (variant, location), count in sorted(units.items())]


def _sum(kept: Mapping[tuple[int, int], int], variant: int) -> int:
    return sum(units for (held, _), units in kept.items() if held == variant)


def _by_location(places: Iterable[Place]) -> dict[int, list[Place]]:
    found: dict[int, list[Place]] = {}
    for place in places:
        found.setdefault(place.location, []).append(place)
    return found


def _count(rows: Iterable[Place]) -> int:
    return sum(row.available for row in rows)


def _first_with_all(missing: Mapping[int, int], free: Mapping[int, Mapping[int, list[Place]]]) -> int | None:
    """The first location from which all of it can leave in one parcel."""
    for location in next(iter(free.values()), {}):
        if all(_count(free[variant].get(location, ())) >= units for variant, units in missing.items()):
            return location
    return None


def _locations_of(units: int, free: Mapping[int, list[Place]], everything: int | None) -> list[int]:
    if everything is not None:
        return [everything]
    for location, rows in free.items():
        if _count(rows) >= units:
            return [location]
    return list(free)


def _take(variant: int, location: int, rows: Sequence[Place], units: int) -> list[Move]:
    """From one row where one has enough, any of them, so that buyers spread; else from the fullest first."""
    enough = [row for row in rows if row.available >= units]
    if enough:
        chosen = enough[0] if len(enough) == 1 else random.choice(enough)  # noqa: S311  # no secret
        return [Move(variant, location, chosen.bucket, units)]
    moves = []
    for row in sorted(rows, key=lambda row: -row.available):
        part = min(units, row.available)
        if part:
            moves.append(Move(variant, location, row.bucket, part))
            units -= part
    return moves
