"""What shoppers were told against what the database holds: whatever is lost, doubled or changed is named."""

import pytest

from loadtests.invariants import Order, compare
from loadtests.recording import Confirmed

SHOWN = [Confirmed("S1", 1000, "a@example.com"), Confirmed("S2", 2500, "b@example.com")]
KEPT = [
    Order("S1", 1000, "confirmed", "a@example.com"),
    Order("S2", 2500, "shipped", "b@example.com"),
    Order("S3", 700, "confirmed", "someone.else@example.com"),
]


def test_orders_that_stand_as_they_were_shown_hold() -> None:
    verdict = compare(SHOWN, KEPT)
    assert (verdict.held, verdict.measured) == (True, "all 2")


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (KEPT[:1], "S2 is lost"),
        ([KEPT[0], KEPT[1]._replace(total=2400)], "S2 is 2400 in the database, 2500 to its shopper"),
        ([KEPT[0], KEPT[1]._replace(state="payment_failed")], "S2 is payment_failed"),
        ([KEPT[0], KEPT[1]._replace(state="payment_pending")], "S2 is payment_pending"),
        ([*KEPT, Order("S9", 2500, "confirmed", "b@example.com")], "S2 was placed 2 times"),
    ],
)
def test_an_order_that_is_lost_changed_or_doubled_fails_the_run_by_its_number(
    kept: list[Order], said: str
) -> None:
    verdict = compare(SHOWN, kept)
    assert (verdict.held, verdict.measured) == (False, said)
    assert verdict.invariant


def test_a_number_that_two_shoppers_were_shown_fails_the_run() -> None:
    verdict = compare([SHOWN[0], SHOWN[0]._replace(email="c@example.com")], KEPT)
    assert verdict.measured == "S1 was confirmed to 2 shoppers"


def test_a_purchase_that_failed_before_it_succeeded_is_one_order() -> None:
    failed = Order("S4", 1000, "payment_failed", "a@example.com")
    assert compare(SHOWN, [*KEPT, failed]).held


def test_a_store_that_lost_everything_is_said_in_one_readable_line() -> None:
    many = [Confirmed(f"S{number}", 1, f"{number}@example.com") for number in range(500)]
    assert compare(many, []).measured.endswith("S9 is lost; and 490 more")
