"""Where an order's units come from."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from app.inventory.allocation import Allocation, Claim, Held, Move, Place, allocate

MAIN, SHOP = 1, 2


def test_one_location_that_has_everything_gives_everything() -> None:
    places = {
        7: [Place(MAIN, 0, 5), Place(SHOP, 0, 5)],
        8: [Place(MAIN, 0, 0), Place(SHOP, 0, 1)],
    }
    allocation = allocate({7: 2, 8: 1}, places, {})
    assert allocation == Allocation(
        [Claim(7, SHOP, 2), Claim(8, SHOP, 1)], [Move(7, SHOP, 0, 2), Move(8, SHOP, 0, 1)]
    )


def test_the_first_location_comes_first() -> None:
    allocation = allocate({7: 2}, {7: [Place(SHOP, 0, 5), Place(MAIN, 0, 5)]}, {})
    assert allocation is not None
    assert allocation.claims == [Claim(7, SHOP, 2)]


def test_an_order_that_no_location_has_is_split() -> None:
    places = {7: [Place(MAIN, 0, 3), Place(SHOP, 0, 2)], 8: [Place(SHOP, 0, 1)]}
    allocation = allocate({7: 4, 8: 1}, places, {})
    assert allocation is not None
    assert allocation.claims == [Claim(7, MAIN, 3), Claim(7, SHOP, 1), Claim(8, SHOP, 1)]


def test_the_last_units_are_taken_from_all_buckets() -> None:
    places = {7: [Place(MAIN, 0, 0), Place(MAIN, 1, 1), Place(MAIN, 2, 1), Place(MAIN, 3, 1)]}
    allocation = allocate({7: 3}, places, {})
    assert allocation is not None
    assert allocation.claims == [Claim(7, MAIN, 3)]
    assert len(allocation.moves) == 3


def test_a_hold_that_fits_needs_no_stock_at_all() -> None:
    assert allocate({7: 2}, {7: [Place(MAIN, 0, 0)]}, {(7, MAIN): 2}) == Allocation([Claim(7, MAIN, 2)], [])


def test_what_is_held_and_no_longer_wanted_goes_back() -> None:
    allocation = allocate({7: 1}, {7: [Place(MAIN, 0, 0)]}, {(7, MAIN): 3, (8, SHOP): 1})
    assert allocation == Allocation([Claim(7, MAIN, 1)], [Move(7, MAIN, 0, -2), Move(8, SHOP, 0, -1)])


VARIANTS = some.integers(1, 3)


@given(
    wanted=some.dictionaries(VARIANTS, some.integers(1, 6), min_size=1),
    stock=some.dictionaries(
        some.tuples(VARIANTS, some.integers(1, 3), some.integers(0, 2)), some.integers(0, 5)
    ),
    held=some.dictionaries(some.tuples(VARIANTS, some.integers(1, 3)), some.integers(1, 4)),
)
def test_any_allocation_claims_what_is_wanted_and_takes_what_there_is(
    wanted: dict[int, int], stock: dict[tuple[int, int, int], int], held: Held
) -> None:
    places: dict[int, list[Place]] = {}
    for (variant, location, bucket), units in sorted(stock.items()):
        places.setdefault(variant, []).append(Place(location, bucket, units))
    allocation = allocate(wanted, places, held)
    there = Counter[int]()
    for (variant, *_), units in [*stock.items(), *held.items()]:
        there[variant] += units
    assert (allocation is None) == any(there[variant] < units for variant, units in wanted.items())
    if allocation is None:
        return
    claimed, changed = Counter[int](), Counter(held)
    for claim in allocation.claims:
        claimed[claim.variant] += claim.units
    for move in allocation.moves:
        assert move.units <= stock.get((move.variant, move.location, move.bucket), 0)
        changed[move.variant, move.location] += move.units
    assert claimed == Counter(wanted)
    # Row by row: what was held and what moved is what is claimed.
    assert +changed == Counter({(c.variant, c.location): c.units for c in allocation.claims})
    assert len({move[:3] for move in allocation.moves}) == len(allocation.moves)
