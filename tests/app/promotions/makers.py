"""Makes promotions, codes and gift cards for tests."""

from __future__ import annotations

import secrets
from typing import Any

import asyncpg
import httpx

from app.giftcards import service as giftcards
from app.pricing.basket import Action, PercentOff
from app.promotions import service as promotions
from app.promotions.service import NewPromotion

TEN_PERCENT = PercentOff(1000)


async def make_promotion(
    owner: asyncpg.Connection, action: Action = TEN_PERCENT, *, automatic: bool = False, **rules: Any
) -> int:
    new = NewPromotion(title="A test's promotion", automatic=automatic, action=action, **rules)
    async with owner.transaction():
        return await promotions.create_promotion(owner, new)


async def make_voucher(owner: asyncpg.Connection, action: Action = TEN_PERCENT, **rules: Any) -> str:
    """A code that many may use."""
    code = f"TEST{secrets.token_hex(4).upper()}"
    assert await promotions.add_code(owner, await make_promotion(owner, action, **rules), code)
    return code


async def make_gift_card(owner: asyncpg.Connection, amount: int) -> tuple[int, str]:
    """The card's id and code."""
    async with owner.transaction():
        return await giftcards.issue(owner, amount, actor="a test")


def put_code(client: httpx.Client, cart: str, code: str) -> httpx.Response:
    return client.post(f"/api/v1/carts/{cart}/codes", json={"code": code})
