"""Thousands of buyers for a few units, through edge, balancer and gateway: each is sold, and sold once."""

import asyncio
import os
from collections.abc import Iterator

import httpx
import pytest

from loadtests.stack import Stack
from tests.live.buyers import Buyers, check_books, newest_order, wait_until_settled
from tests.live.shopping import choose_shipping, fill_cart, find_item

UNITS = 20
# The tests' own patience; by hand more may come: STORESTACK_BUYERS=10000.
BUYERS = int(os.environ.get("STORESTACK_BUYERS", "2000"))
# All that a payment provider does to a shop at its worst.
BAD_GATEWAY = [
    "--latency-ms", "60", "--latency-p99-ms", "900", "--error-rate", "0.05", "--lost-answer-rate", "0.1",
    "--hang-rate", "0.01", "--decline-rate", "0.1", "--duplicate-webhooks", "0.5", "--drop-webhooks", "0.3",
    "--reorder-webhooks", "--delay-webhooks-ms", "300",
]  # fmt: skip


def restock(stack: Stack, variant: int, units: int) -> None:
    stack.run("web", ["python", "-m", "app", "stock", str(variant), str(units)])


@pytest.fixture
def shipping(client: httpx.Client, variant: int) -> str:
    return choose_shipping(client, fill_cart(client, variant))


@pytest.fixture
def variant(stack: Stack, client: httpx.Client) -> Iterator[int]:
    """An item that no other test counts."""
    variant = find_item(client, query="scarf").variant_id
    yield variant
    restock(stack, variant, 1000)


def test_thousands_of_buyers_get_exactly_the_last_units(stack: Stack, variant: int, shipping: str) -> None:
    restock(stack, variant, UNITS)
    since = newest_order(stack)
    crowd = asyncio.run(Buyers(stack, variant, shipping).rush(BUYERS))
    assert not crowd.faults, f"{len(crowd.faults)} faults, such as {crowd.faults[:3]}; {crowd.ended}"
    assert not crowd.changed, crowd.changed[:5]
    assert crowd.ended == {201: UNITS, 409: BUYERS - UNITS}
    wait_until_settled(stack)
    check_books(stack, crowd, variant, units=UNITS, since=since)


def test_a_gateway_that_fails_in_every_way_sells_nothing_twice(
    stack: Stack, variant: int, shipping: str
) -> None:
    restock(stack, variant, UNITS)
    since = newest_order(stack)
    fault = ["python", "-m", "app.gateway", "fault"]
    stack.run("gateway", [*fault, "set", "--seconds", "120", *BAD_GATEWAY])
    try:
        crowd = asyncio.run(
            Buyers(stack, variant, shipping, ["tok_ok", "tok_ok", "tok_slow"]).rush(BUYERS // 10)
        )
    finally:
        stack.run("gateway", [*fault, "reset"])
    assert not crowd.faults, f"{len(crowd.faults)} faults, such as {crowd.faults[:3]}; {crowd.ended}"
    assert not crowd.changed, crowd.changed[:5]
    assert set(crowd.ended) <= {201, 402, 409}, crowd.ended
    wait_until_settled(stack)
    check_books(stack, crowd, variant, units=UNITS, since=since)
