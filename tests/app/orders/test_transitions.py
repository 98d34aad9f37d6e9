"""The transition table is the one word on what becomes of an order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.problems import Problem
from app.orders.transitions import (
    FIRST,
    TABLE,
    OrderState,
    Verb,
    allowed_verbs,
    find_case,
    find_target,
    render_document,
)

DOCUMENT = Path(__file__).parents[3] / "docs/orders.md"


def test_the_document_is_in_step_with_the_table() -> None:
    assert DOCUMENT.read_text() == render_document(), "run: python -m app.orders.transitions > docs/orders.md"


def test_every_state_is_reached_and_no_row_contradicts_another() -> None:
    assert {row.target for row in TABLE} | {FIRST} == set(OrderState)
    assert len({row[:3] for row in TABLE}) == len(TABLE)


def test_a_refusal_names_the_state_the_verb_and_what_is_allowed() -> None:
    with pytest.raises(Problem) as caught:
        find_target(OrderState.CONFIRMED, Verb.DELIVER, find_case(0, 1, 0))
    assert caught.value.status == 409
    assert "confirmed, so it cannot deliver" in caught.value.detail
    assert "ship, cancel" in caught.value.detail


@given(
    quantity=st.integers(1, 5),
    steps=st.lists(st.tuples(st.sampled_from(["ship", "cancel", "deliver"]), st.integers(1, 5)), max_size=12),
)
def test_whatever_is_tried_the_state_says_how_the_units_are(
    quantity: int, steps: list[tuple[str, int]]
) -> None:
    state, sent, cancelled, parcels, arrived = OrderState.CONFIRMED, 0, 0, 0, 0
    for name, count in steps:
        verb, left = Verb(name), quantity - sent - cancelled
        possible = parcels > arrived if verb is Verb.DELIVER else count <= left
        if verb not in allowed_verbs(state):
            assert not possible or verb is Verb.DELIVER, (state, verb)
            continue
        if not possible:
            continue
        sent += count if verb is Verb.SHIP else 0
        parcels += verb is Verb.SHIP
        cancelled += count if verb is Verb.CANCEL else 0
        arrived += verb is Verb.DELIVER
        left = quantity - sent - cancelled
        state = find_target(state, verb, find_case(left, parcels, parcels - arrived))
        expected = (
            (OrderState.PARTIALLY_SHIPPED if parcels else OrderState.CONFIRMED)
            if left
            else OrderState.CANCELLED
            if not parcels
            else OrderState.SHIPPED
            if parcels > arrived
            else OrderState.DELIVERED
        )
        assert state is expected
