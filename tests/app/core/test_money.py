"""Money stays integer, and reads back what it wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.core.money import format_money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "EUR", "€0.00"),
        (5, "EUR", "€0.05"),
        (123456, "USD", "$1,234.56"),
        (-250, "GBP", "-£2.50"),
        (100, "CHF", "1.00 CHF"),
    ],
)
def test_amounts_are_written_for_people(amount: int, currency: str, text: str) -> None:
    assert format_money(amount, currency) == text


@given(some.integers(-(2**63), 2**63))
def test_no_amount_loses_a_cent(amount: int) -> None:
    digits = format_money(amount).replace("€", "").replace(",", "").replace(".", "")
    assert int(digits) == amount
