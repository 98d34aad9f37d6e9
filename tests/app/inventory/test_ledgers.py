"""Each check of the stock finds the fault it is for. Faults are planted in transactions that are undone."""

from __future__ import annotations

import uuid

import asyncpg
import httpx
import pytest

from app import reconcile
from app.inventory.ledgers import CHECKS
from tests.app.factories import check_out, fill_cart, make_variant

# By the first words of the check's sentence.
FAULTS = {
    "per variant and location, the movements": (
        "UPDATE stock SET available = available + 1 WHERE variant_id = {variant}"
    ),
    "per variant and location, orders and holds": (
        "UPDATE carts SET held = jsonb_build_array(jsonb_build_array({variant}, 1, 7)) WHERE id = '{cart}'"
    ),
    "no place has less than nothing": (
        "UPDATE stock SET buckets = 1, reserved = -1 WHERE variant_id = {variant}"
    ),
    "a bucket belongs": "INSERT INTO stock_buckets VALUES ({variant}, 999, 1, 1, 0)",
    "per order, variant and location, what was shipped": (
        "INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason, order_id)"
        " VALUES ({variant}, 1, 'shipped', -2, 'twice', {order})"
    ),
    "what is transferred": (
        "INSERT INTO stock_movements (variant_id, location_id, kind, quantity, reason)"
        " VALUES ({variant}, 1, 'transferred', -2, 'lost on the way')"
    ),
    "only an open cart": "UPDATE carts SET state = 'ordered' WHERE id = '{cart}'",
    "a hold is given back": "UPDATE carts SET held_until = now() - interval '1 hour' WHERE id = '{cart}'",
}


def test_every_check_has_a_fault_to_find() -> None:
    for sentence in CHECKS:
        assert len([words for words in FAULTS if sentence.startswith(words)]) == 1, sentence
    assert len(FAULTS) == len(CHECKS)


@pytest.mark.parametrize("words", FAULTS)
async def test_a_fault_is_found_and_shown(
    client: httpx.Client, owner: asyncpg.Connection, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    variant = await make_variant(owner)
    number = check_out(client, fill_cart(client, (variant, 1))).json()["order"]["number"]
    order = await owner.fetchval("SELECT id FROM orders WHERE number = $1", number)
    cart = uuid.UUID(fill_cart(client, (variant, 2)))
    client.post(f"/api/v1/carts/{cart}/reservation").raise_for_status()
    transaction = owner.transaction()
    await transaction.start()
    assert await reconcile.check(owner) == 0, capsys.readouterr().out
    capsys.readouterr()
    await owner.execute(FAULTS[words].format(variant=variant, order=order, cart=cart))
    assert await reconcile.check(owner) == 1
    lines = capsys.readouterr().out.splitlines()
    (place,) = [n for n, line in enumerate(lines) if line.startswith(f"off  {words}")]
    assert lines[place + 1].startswith("     {")
    await transaction.rollback()
