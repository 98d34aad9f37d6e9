"""Brings an order's payment in line with the order: captures what was sent, gives back what was cancelled.

It looks at what stands and what was moved before, so it may run at any time and as often as it likes. Gift
cards pay first: what the gateway has to bear is what is left after them.
"""

from __future__ import annotations

from app.checkout.shop import Shop
from app.giftcards import service as giftcards
from app.orders import workflow_queries as queries
from app.orders.transitions import OrderState
from app.orders.workflow import add_mail
from app.orders.worth import order_worth
from app.payments import service as payments

SETTLED = frozenset({OrderState.SHIPPED, OrderState.DELIVERED, OrderState.CANCELLED})


async def settle_money(shop: Shop, order_id: int) -> None:
    """Capture, refund and void until the payment is as the order says. Raises Problem."""
    async with shop.database.connection() as connection:
        order = await connection.fetchrow(queries.MONEY, order_id)
        lines = await connection.fetch(queries.LINES, order_id)
        ledger = await payments.read_ledger(connection, order_id)
    if order is None or order["state"] in (OrderState.PAYMENT_PENDING, OrderState.PAYMENT_FAILED):
        return
    standing = order_worth(order, lines, lambda line: line["quantity"] - line["cancelled"])
    sent = order_worth(order, lines, lambda line: line["sent"])
    kept = max(0, standing - order["gift_card"])
    earned = max(0, sent - order["gift_card"])
    wanted = min(earned - ledger.captured - ledger.capturing, ledger.capturable)
    if wanted > 0:
        await payments.capture(shop, order_id, wanted, f"capture:{order_id}:{earned}")
    excess = min(ledger.captured - ledger.refunded - ledger.refunding - kept, ledger.refundable)
    if excess > 0:
        total = ledger.refunded + ledger.refunding + excess
        await payments.refund(shop, order_id, excess, "units were cancelled", f"refund:{order_id}:{total}")
        async with shop.database.connection() as connection:
            key = f"refund:{order_id}:{total}"
            await add_mail(connection, order_id, "refund", key, {"amount": excess})
    if order["gift_card"]:
        async with shop.database.transaction() as connection:
            await giftcards.keep_only(connection, order_id, min(order["gift_card"], standing))
    if order["state"] in SETTLED and await _is_taken(shop, order_id, earned):
        await payments.void(shop, order_id)


async def _is_taken(shop: Shop, order_id: int, earned: int) -> bool:
    """Whether what was sent is paid: until then the authorization is all that the shop has."""
    async with shop.database.connection() as connection:
        ledger = await payments.read_ledger(connection, order_id)
    return ledger.captured + ledger.capturing >= earned
