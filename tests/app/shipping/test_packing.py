"""The packer: each unit once, inside its box, beside the others, and no box too heavy."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.shipping.packing import MOST_FITTED, Box, Item, OversizedError, Parcel, Placed, pack

SMALL = Box("s", "Small", (200, 150, 100), 80, 2000)
LARGE = Box("l", "Large", (600, 400, 400), 500, 31500)

sizes = st.tuples(*[st.integers(1, 700)] * 3)
items = st.lists(
    st.builds(
        Item,
        name=st.sampled_from("abcdefgh"),
        size=st.none() | sizes,
        grams=st.integers(0, 40000),
        quantity=st.integers(1, 8),
    ),
    max_size=8,
)
boxes = st.lists(
    st.builds(
        Box,
        code=st.sampled_from("uvwxyz"),
        title=st.just("Box"),
        size=sizes,
        tare=st.integers(0, 900),
        limit=st.integers(1000, 40000),
    ),
    max_size=4,
)


def overlap(one: Placed, other: Placed) -> bool:
    return all(
        one.corner[axis] < other.corner[axis] + other.size[axis]
        and other.corner[axis] < one.corner[axis] + one.size[axis]
        for axis in range(3)
    )


def takes(box: Box, item: Item) -> bool:
    fits = item.size is None or all(map(int.__le__, sorted(item.size), sorted(box.size)))
    return fits and box.tare + item.grams <= box.limit


def check(parcel: Parcel, by_unit: dict[str, list[Item]]) -> None:
    assert parcel.grams <= parcel.box.limit
    for unit in parcel.placed:
        assert any(item.size and sorted(item.size) == sorted(unit.size) for item in by_unit[unit.name]), (
            "a unit changed its size"
        )
        assert all(unit.corner[axis] + unit.size[axis] <= parcel.box.size[axis] for axis in range(3))
    assert not any(overlap(*pair) for pair in combinations(parcel.placed, 2))
    assert parcel.filled <= parcel.box.volume


@settings(max_examples=300, deadline=None)
@given(items, boxes)
def test_every_unit_is_packed_once_and_fits_or_one_is_refused_by_name(
    wanted: list[Item], available: list[Box]
) -> None:
    oversized = [item.name for item in wanted if not any(takes(box, item) for box in available)]
    if oversized:
        with pytest.raises(OversizedError) as refused:
            pack(wanted, available)
        assert not available or str(refused.value)[0] in oversized
        return
    parcels = pack(wanted, available)
    by_unit: dict[str, list[Item]] = {}
    for item in wanted:
        by_unit.setdefault(item.name, []).append(item)
    assert Counter(name for parcel in parcels for name in parcel.units) == sum(
        (Counter({item.name: item.quantity}) for item in wanted), Counter[str]()
    )
    content = sum(item.grams * item.quantity for item in wanted)
    assert sum(parcel.grams - parcel.box.tare for parcel in parcels) == content
    for parcel in parcels:
        check(parcel, by_unit)


def test_one_small_thing_goes_into_the_small_box() -> None:
    (parcel,) = pack([Item("mug", (120, 90, 100), 300)], [LARGE, SMALL])
    assert (parcel.box.code, parcel.grams) == ("s", 380)


def test_a_thing_is_turned_to_fit() -> None:
    (parcel,) = pack([Item("poster tube", (80, 90, 195), 200)], [SMALL])
    assert parcel.placed[0].size[0] == 195


def test_eight_halves_fill_a_box_and_the_ninth_takes_another() -> None:
    cube = Box("c", "Cube", (100, 100, 100), 0, 10000)
    assert len(pack([Item("half", (50, 50, 50), 1, 8)], [cube])) == 1
    assert len(pack([Item("half", (50, 50, 50), 1, 9)], [cube])) == 2


def test_weight_parts_what_space_would_not() -> None:
    assert len(pack([Item("anvil", (50, 50, 50), 20000, 2)], [LARGE])) == 2


def test_what_was_never_measured_counts_by_its_weight() -> None:
    (parcel,) = pack([Item("voucher", None, 20), Item("mug", (120, 90, 100), 300)], [SMALL])
    assert sorted(parcel.units) == ["mug", "voucher"]
    assert parcel.grams == 400


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (Item("Oak Table", (1200, 700, 80), 9000), "Oak Table (1200 × 700 × 80 mm, 9000 g) fits into none"),
        (Item("Anvil", None, 32000), "Anvil (32000 g) fits into none"),
    ],
)
def test_what_fits_no_box_is_refused_by_name(item: Item, said: str) -> None:
    with pytest.raises(OversizedError) as refused:
        pack([item], [SMALL, LARGE])
    assert said in str(refused.value)


def test_very_many_units_are_packed_by_volume_in_no_time() -> None:
    parcels = pack([Item("card", (100, 150, 1), 5, MOST_FITTED * 30)], [SMALL, LARGE])
    assert sum(len(parcel.units) for parcel in parcels) == MOST_FITTED * 30
    assert all(parcel.filled <= parcel.box.volume and parcel.grams <= parcel.box.limit for parcel in parcels)
