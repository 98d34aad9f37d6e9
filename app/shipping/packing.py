"""Packs units into boxes: first fit decreasing, in three dimensions, each unit turned as it fits best.

Pure: tests compare values. The promise: every unit is packed exactly once, none overlaps another or stands
out of its box, and no parcel is heavier than its box may be. A unit that fits no box is refused by name.

The space of a box is kept as a list of free cuboids. A unit goes into the corner of one, and what is left of
that cuboid becomes three smaller ones (a guillotine cut), so that overlaps cannot come about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TypeAlias

# Length, width, height in millimetres.
Size: TypeAlias = tuple[int, int, int]

# More units than this are packed by volume and weight alone: a carrier counts them as freight anyway.
MOST_FITTED = 100
# Of a box's volume, what can be hoped to be filled when units are not fitted one by one.
FILL = 0.7


class OversizedError(ValueError):
    """A unit fits into no box; the message names it."""


@dataclass(frozen=True)
class Box:
    """A box as the shop has it: inner size in mm, its own weight and the most its content and it may weigh,
    in g.

    A `freight` box, such as a pallet, is for what fits no other.
    """

    code: str
    title: str
    size: Size
    tare: int
    limit: int
    freight: bool = False

    @property
    def volume(self) -> int:
        return _volume(self.size)


@dataclass(frozen=True)
class Item:
    """Units of one thing. `size` is None when nobody measured it: then its weight alone counts."""

    name: str
    size: Size | None
    grams: int
    quantity: int = 1


@dataclass(frozen=True)
class Placed:
    """A unit in its box: the corner nearest the box's own, and its size as it was turned."""

    name: str
    corner: Size
    size: Size
    grams: int


@dataclass
class Parcel:
    """A box with what is in it. `loose` units have no size."""

    box: Box
    grams: int = 0
    placed: list[Placed] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    free: list[tuple[Size, Size]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.grams = self.grams or self.box.tare
        self.free = self.free or [((0, 0, 0), self.box.size)]

    @property
    def units(self) -> list[str]:
        """The names of all units in it."""
        return [unit.name for unit in self.placed] + self.loose

    @property
    def content(self) -> int:
        """Grams of what is in it, without the box."""
        return self.grams - self.box.tare

    @property
    def filled(self) -> int:
        return sum(_volume(unit.size) for unit in self.placed)


def pack(items: Sequence[Item], boxes: Sequence[Box]) -> list[Parcel]:
    """Pack all items into as few boxes as first fit finds. Raises OversizedError for what fits no box."""
    if not items:
        return []
    if not boxes:
        raise OversizedError("There is no box to pack into: add one under Shipping, Boxes.")
    ordered = sorted(boxes, key=lambda box: (box.volume, box.limit, box.code))
    fitted = sum(item.quantity for item in items) <= MOST_FITTED
    parcels: list[Parcel] = []
    for item in sorted(items, key=_largest_first):
        _check(item, ordered)
        for _ in range(item.quantity):
            if not any(_add(parcel, item, fitted) for parcel in parcels):
                parcels.append(_open(item, ordered, fitted))
    return [_shrink(parcel, ordered, fitted) for parcel in parcels]


def _largest_first(item: Item) -> tuple[int, int, str]:
    return -(_volume(item.size) if item.size else 0), -item.grams, item.name


def _check(item: Item, boxes: Sequence[Box]) -> None:
    if any(_takes(box, item) for box in boxes):
        return
    size = " × ".join(map(str, item.size)) + " mm, " if item.size else ""
    raise OversizedError(f"{item.name} ({size}{item.grams} g) fits into none of the boxes.")


def _takes(box: Box, item: Item) -> bool:
    """Whether an empty box takes one unit: when both are sorted by length, each side fits."""
    if box.tare + item.grams > box.limit:
        return False
    return item.size is None or all(a <= b for a, b in zip(sorted(item.size), sorted(box.size), strict=True))


def _open(item: Item, boxes: Sequence[Box], fitted: bool) -> Parcel:
    """A new parcel in the largest box that takes the unit: others fill it, and it is shrunk at the end."""
    fitting = (box for box in boxes if _takes(box, item))
    parcel = Parcel(max(fitting, key=lambda box: (not box.freight, box.volume, box.limit)))
    _add(parcel, item, fitted, first=True)
    return parcel


def _shrink(parcel: Parcel, boxes: Sequence[Box], fitted: bool) -> Parcel:
    """The same units in the smallest box that takes them all."""
    for box in boxes:
        if box.volume >= parcel.box.volume:
            break
        if box.freight:
            continue
        smaller = Parcel(box)
        # Re-fitted in the same order, turned anew; units without a size only weigh.
        units = [Item(unit.name, unit.size, unit.grams) for unit in parcel.placed]
        loose = parcel.grams - parcel.box.tare - sum(unit.grams for unit in parcel.placed)
        if smaller.grams + loose > box.limit or (not fitted and parcel.filled > box.volume * FILL):
            continue
        smaller.grams += loose
        if all(_add(smaller, unit, fitted) for unit in units):
            smaller.loose = parcel.loose
            return smaller
    return parcel


def _add(parcel: Parcel, item: Item, fitted: bool, *, first: bool = False) -> bool:
    """Put a unit in, if it fits."""
    if parcel.grams + item.grams > parcel.box.limit:
        return False
    if item.size is None:
        parcel.loose.append(item.name)
    elif fitted:
        if not _place(parcel, item.name, item.size, item.grams):
            return False
    else:
        # Too many to fit one by one: each alone fits (or is refused), together they may fill a part of the
        # box.
        if not _takes(parcel.box, item):
            return False
        if not first and parcel.filled + _volume(item.size) > parcel.box.volume * FILL:
            return False
        parcel.placed.append(Placed(item.name, (0, 0, 0), item.size, item.grams))
    parcel.grams += item.grams
    return True


def _place(parcel: Parcel, name: str, size: Size, grams: int) -> bool:
    """Into the smallest free cuboid that takes it, turned so that the longest leftover is smallest."""
    best: tuple[int, int, int, Size] | None = None
    for index, (_, space) in enumerate(parcel.free):
        for turned in _turns(size):
            if all(a <= b for a, b in zip(turned, space, strict=True)):
                slack = max(b - a for a, b in zip(turned, space, strict=True))
                found = (_volume(space), slack, index, turned)
                best = found if best is None or found < best else best
    if best is None:
        return False
    _, _, index, turned = best
    corner, space = parcel.free.pop(index)
    parcel.free.extend(_cut(corner, space, turned))
    parcel.placed.append(Placed(name, corner, turned, grams))
    return True


def _cut(corner: Size, space: Size, taken: Size) -> Iterator[tuple[Size, Size]]:
    """What is left of a cuboid: beside, behind and above; they touch but never overlap."""
    (x, y, z), (length, width, height), (a, b, c) = corner, space, taken
    if length > a:
        yield (x + a, y, z), (length - a, width, height)
    if width > b:
        yield (x, y + b, z), (a, width - b, height)
    if height > c:
        yield (x, y, z + c), (a, b, height - c)


def _turns(size: Size) -> list[Size]:
    return sorted(set(permutations(size)))  # type: ignore[arg-type]


def _volume(size: Size) -> int:
    return size[0] * size[1] * size[2]
