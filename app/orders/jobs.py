"""Jobs of orders: their money, their mails, and what carriers delivered."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext, RetryStrategy

from app.checkout.shop import Shop
from app.core.problems import Problem
from app.orders import gift_cards
from app.orders.labels import deliver_arrived
from app.orders.mails import Mailer, send_due_mails
from app.orders.money import settle_money

log = structlog.get_logger()

blueprint = Blueprint()


# The sixth field counts seconds.
@blueprint.periodic(cron="* * * * * */5")
@blueprint.task(name="send_mails", queue="mail", queueing_lock="send_mails", pass_context=True)
async def send_mails(context: JobContext, timestamp: int) -> None:  # noqa: ARG001  # procrastinate passes it
    """Send the mails that are due."""
    shop: Shop = context.additional_context["shop"]
    mailer: Mailer = context.additional_context["mailer"]
    while sent := await send_due_mails(shop.database, mailer):
        log.info("mails sent", mails=sent)


@blueprint.task(
    name="settle_money",
    queue="payments",
    pass_context=True,
    # For a database that is away; a gateway that is away is asked again by the payments' own recovery.
    retry=RetryStrategy(max_attempts=10, exponential_wait=2),
)
async def settle_order_money(context: JobContext, order_id: int) -> None:
    """An order was sent or cancelled: bring its payment in line."""
    shop: Shop = context.additional_context["shop"]
    await settle_money(shop, order_id)


@blueprint.task(
    name="deliver_parcel",
    queue="orders",
    pass_context=True,
    retry=RetryStrategy(max_attempts=10, exponential_wait=2),
)
async def deliver_parcel(context: JobContext, fulfilment_id: int) -> None:
    """The carrier delivered a parcel: its order has arrived when it was the last one."""
    shop: Shop = context.additional_context["shop"]
    await deliver_arrived(shop.database, fulfilment_id)


# The sixth field counts seconds.
@blueprint.periodic(cron="* * * * * */10")
@blueprint.task(
    name="deliver_gift_cards", queue="orders", queueing_lock="deliver_gift_cards", pass_context=True
)
async def deliver_gift_cards(context: JobContext, timestamp: int) -> None:  # noqa: ARG001
    """Find the orders that have gift cards to be sent."""
    shop: Shop = context.additional_context["shop"]
    await gift_cards.defer_due_gift_cards(shop.database)


@blueprint.task(
    name="send_gift_cards",
    queue="payments",
    pass_context=True,
    retry=RetryStrategy(max_attempts=10, exponential_wait=2),
)
async def send_gift_cards(context: JobContext, order_id: int) -> None:
    """Send the gift cards of an order that is paid."""
    shop: Shop = context.additional_context["shop"]
    try:
        if await gift_cards.deliver_gift_cards(shop, order_id):
            log.info("gift cards sent", order=order_id)
    except Problem as problem:
        # Not paid, or being changed: it is found again.
        log.warning("gift cards wait", order=order_id, reason=problem.detail or problem.title)


@blueprint.task(
    name="refund_gift_card",
    queue="payments",
    pass_context=True,
    retry=RetryStrategy(max_attempts=10, exponential_wait=2),
)
async def refund_gift_card(
    context: JobContext, order_id: int, card_id: int, by_gateway: int, by_card: int
) -> None:
    """A gift card was taken back: give its money back."""
    shop: Shop = context.additional_context["shop"]
    await gift_cards.refund_gift_card(shop, order_id, card_id, by_gateway, by_card)
