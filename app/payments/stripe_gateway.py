"""The adapter of Stripe, on its own SDK. Cards go from the shopper's browser to Stripe alone.

A charge is a PaymentIntent that is made with nothing but what the order says, under the reference as
idempotency key, and confirmed in a second call. So whoever knows the order can find it again: the same
request under the same key answers the same intent, or makes one that is then cancelled, and no later
confirmation can succeed. Tokens are payment methods (`pm_…`) made by Stripe.js; `stripe_page` is
Stripe's own payment page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import stripe
from stripe import HTTPXClient, StripeClient

from app.core.money import format_money
from app.core.settings import Settings
from app.payments.ports import (
    BadWebhook,
    Charge,
    GatewayAway,
    OperationKind,
    OperationRefused,
    Payment,
    PaymentState,
    Receipt,
    Report,
)

T = TypeVar("T")

# Stripe answers a payment within 1 to 2 s; with CANCEL_SECONDS a shopper hears within 3 s.
TAKE_SECONDS = 2.3
ASK_SECONDS = 2.0
CANCEL_SECONDS = 0.5
# The token of the payment page.
PAGE = "stripe_page"
# What an order in several parcels needs; not every card and not every account has it.
SEVERAL_CAPTURES: Any = {"card": {"request_multicapture": "if_available"}}

_STATES = {
    "requires_action": PaymentState.REQUIRES_ACTION,
    "processing": PaymentState.REQUIRES_ACTION,
    "requires_confirmation": PaymentState.REQUIRES_ACTION,
    "requires_capture": PaymentState.AUTHORIZED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.CANCELLED,
}
# Facts of these kinds are taken from webhooks; Stripe sends many more.
_INTENT_EVENTS = frozenset(
    f"payment_intent.{kind}"
    for kind in ("amount_capturable_updated", "succeeded", "canceled", "requires_action", "payment_failed")
)


class StripeGateway:
    """PaymentGateway over Stripe's API."""

    name = "stripe"

    def __init__(self, settings: Settings) -> None:
        self._webhook_key = settings.secrets.stripe_webhook_key
        self._stripe = StripeClient(
            settings.secrets.stripe_key,
            base_addresses={"api": settings.stripe_url},
            # Another try is the store's to make, within the shopper's patience.
            max_network_retries=0,
            http_client=HTTPXClient(timeout=TAKE_SECONDS),
        )

    async def close(self) -> None:
        """The SDK closes its connections by itself."""

    async def take(self, charge: Charge, token: str, *, capture: bool) -> Payment:
        async with _within(TAKE_SECONDS):
            if token == PAGE:
                return await self._open_page(charge, capture=capture)
            intent = await _ask(self._make(charge))
            try:
                intent = await self._stripe.v1.payment_intents.confirm_async(
                    intent.id,
                    {
                        "payment_method": token,
                        "return_url": charge.return_url,
                        "capture_method": "automatic" if capture else "manual",
                        "payment_method_options": {} if capture else SEVERAL_CAPTURES,
                    },
                    {"idempotency_key": f"{charge.reference}:confirm"},
                )
            except stripe.CardError as error:
                return _declined(charge, intent.id, error.code)
            except stripe.InvalidRequestError as error:
                return _declined(charge, intent.id, error.code or "invalid_request")
            except stripe.StripeError as error:
                raise _away(error) from error
            return read_intent(intent, charge.reference)

    async def find(self, charge: Charge) -> Payment | None:
        async with _within(ASK_SECONDS):
            if charge.payment_id.startswith("cs_"):
                return await self._find_page(charge)
            intent = await _ask(self._make(charge))
            # What a repeated key answers is what the first answer was: ask for the present.
            intent = await _ask(self._stripe.v1.payment_intents.retrieve_async(intent.id))
            untouched = intent.status == "requires_payment_method" and intent.last_payment_error is None
            return None if untouched else read_intent(intent, charge.reference)

    async def cancel(self, charge: Charge) -> Payment:
        async with _within(CANCEL_SECONDS):
            if charge.payment_id.startswith("cs_"):
                return await self._close_page(charge)
            intent = await _ask(self._make(charge))
            return await self._cancel_intent(intent.id, charge.reference)

    async def operate(self, charge: Charge, kind: OperationKind, amount: int, key: str) -> Receipt:
        options: Any = {"idempotency_key": key}
        intents, metadata = self._stripe.v1.payment_intents, {"key": key}
        intent_id = charge.payment_id
        async with _within(TAKE_SECONDS):
            try:
                if kind is OperationKind.REFUND:
                    refund = await self._stripe.v1.refunds.create_async(
                        {"payment_intent": intent_id, "amount": amount, "metadata": metadata}, options
                    )
                    return Receipt(refund.id, key, kind, amount)
                intent = await intents.retrieve_async(intent_id, {"expand": ["latest_charge"]})
                if kind is OperationKind.CAPTURE:
                    parameters: Any = {**plan_capture(intent, amount), "metadata": metadata}
                    await intents.capture_async(intent_id, parameters, options)
                elif intent.amount_received:
                    # Part of it was captured: a capture of nothing, the last, lets go of the rest.
                    rest: Any = {"amount_to_capture": 0, "final_capture": True}
                    await intents.capture_async(intent_id, rest, options)
                else:
                    await intents.cancel_async(intent_id, {}, options)
                return Receipt(f"{intent_id}:{key}", key, kind, amount)
            except (stripe.InvalidRequestError, stripe.CardError) as error:
                raise OperationRefused(str(error)) from error
            except stripe.StripeError as error:
                raise _away(error) from error

    async def ping(self) -> None:
        async with _within(ASK_SECONDS):
            await _ask(self._stripe.v1.balance.retrieve_async())

    def read_webhook(self, signature: str, body: bytes) -> list[Report]:
        try:
            event = stripe.Webhook.construct_event(body, signature, self._webhook_key)
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise BadWebhook(str(error)) from error
        return read_event(event)

    def _make(self, charge: Charge) -> Awaitable[stripe.PaymentIntent]:
        return self._stripe.v1.payment_intents.create_async(
            {
                "amount": charge.amount,
                "currency": charge.currency.lower(),
                "automatic_payment_methods": {"enabled": True},
                "metadata": {"reference": charge.reference},
            },
            {"idempotency_key": charge.reference},
        )

    async def _cancel_intent(self, intent_id: str, reference: str) -> Payment:
        try:
            intent = await self._stripe.v1.payment_intents.retrieve_async(intent_id)
            if intent.status not in ("requires_capture", "succeeded", "canceled"):
                intent = await self._stripe.v1.payment_intents.cancel_async(intent_id)
        except stripe.InvalidRequestError:
            # It was secured between the two calls.
            intent = await _ask(self._stripe.v1.payment_intents.retrieve_async(intent_id))
        except stripe.StripeError as error:
            raise _away(error) from error
        return read_intent(intent, reference)

    async def _open_page(self, charge: Charge, *, capture: bool) -> Payment:
        product = {"name": "Order"}
        price = {"currency": charge.currency.lower(), "unit_amount": charge.amount, "product_data": product}
        parameters: Any = {
            "mode": "payment",
            "line_items": [{"quantity": 1, "price_data": price}],
            "payment_intent_data": {
                "capture_method": "automatic" if capture else "manual",
                "metadata": {"reference": charge.reference},
            },
            "payment_method_options": {} if capture else SEVERAL_CAPTURES,
            "client_reference_id": charge.reference,
            "success_url": charge.return_url,
            "cancel_url": charge.return_url,
        }
        options: Any = {"idempotency_key": f"{charge.reference}:page"}
        session = await _ask(self._stripe.v1.checkout.sessions.create_async(parameters, options))
        return read_page(session, charge)

    async def _find_page(self, charge: Charge) -> Payment:
        expanded: Any = {"expand": ["payment_intent"]}
        sessions = self._stripe.v1.checkout.sessions
        return read_page(await _ask(sessions.retrieve_async(charge.payment_id, expanded)), charge)

    async def _close_page(self, charge: Charge) -> Payment:
        try:
            await self._stripe.v1.checkout.sessions.expire_async(charge.payment_id)
        except stripe.InvalidRequestError:
            # It is complete, or expired already.
            return await self._find_page(charge)
        except stripe.StripeError as error:
            raise _away(error) from error
        return Payment(
            charge.payment_id, charge.reference, PaymentState.CANCELLED, charge.amount, charge.currency
        )


def plan_capture(intent: Any, amount: int) -> dict[str, Any]:
    """What Stripe is told to capture; the same for the same amount, whatever was captured meanwhile.

    Raises OperationRefused when a part is wanted of what can be captured only once: the rest would be lost.
    """
    card = (intent.latest_charge.to_dict() if intent.latest_charge else {}).get(
        "payment_method_details"
    ) or {}
    several = ((card.get("card") or {}).get("multicapture") or {}).get("status") == "available"
    if several:
        return {"amount_to_capture": amount, "final_capture": False}
    if amount < intent.amount_capturable:
        wanted, held = (
            format_money(each, intent.currency.upper()) for each in (amount, intent.amount_capturable)
        )
        raise OperationRefused(
            f"this card can be captured once, and {wanted} of {held} is wanted:"
            " capture all of it with the first parcel, and refund what is not sent"
        )
    return {"amount_to_capture": amount}


def read_intent(intent: stripe.PaymentIntent, reference: str) -> Payment:
    """A PaymentIntent in the port's words."""
    failure = intent.last_payment_error.to_dict() if intent.last_payment_error else {}
    state = _STATES.get(intent.status, PaymentState.DECLINED)
    action = intent.next_action.to_dict() if intent.next_action else {}
    return Payment(
        id=intent.id,
        reference=reference,
        state=state,
        amount=intent.amount,
        currency=intent.currency.upper(),
        action_url=(action.get("redirect_to_url") or {}).get("url"),
        reason=failure.get("code") if state is PaymentState.DECLINED else None,
    )


def read_page(session: Any, charge: Charge) -> Payment:
    """A payment page in the port's words: as its intent, once there is one that is more than begun."""
    intent = session.payment_intent
    if (
        intent is not None
        and not isinstance(intent, str)
        and intent.status in ("requires_capture", "succeeded")
    ):
        return read_intent(intent, charge.reference)
    ended = session.status == "expired"
    return Payment(
        id=session.id,
        reference=charge.reference,
        state=PaymentState.CANCELLED if ended else PaymentState.REQUIRES_ACTION,
        amount=charge.amount,
        currency=charge.currency,
        action_url=None if ended else session.url,
    )


def read_event(event: Any) -> list[Report]:
    """What one of Stripe's events reports; nothing for those that the store does not go by."""
    found = event.data.object
    if event.type in _INTENT_EVENTS:
        reference = (found.metadata.to_dict() if found.metadata else {}).get("reference")
        # A capture of what was authorized is the store's own doing, and known by its key.
        captured_later = event.type == "payment_intent.succeeded" and found.capture_method == "manual"
        if reference and not captured_later:
            return [Report(read_intent(found, reference))]
    return []


def _declined(charge: Charge, intent_id: str, code: str | None) -> Payment:
    return Payment(
        intent_id,
        charge.reference,
        PaymentState.DECLINED,
        charge.amount,
        charge.currency,
        reason=code or "card_declined",
    )


def _within(seconds: float) -> _Limit:
    return _Limit(seconds)


class _Limit:
    """`asyncio.timeout` that tells of a gateway away."""

    def __init__(self, seconds: float) -> None:
        self._timeout = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise GatewayAway("Stripe did not answer in time", sent=True) from late


async def _ask(call: Awaitable[T]) -> T:
    try:
        return await call
    except stripe.StripeError as error:
        raise _away(error) from error


def _away(error: stripe.StripeError) -> GatewayAway:
    # The SDK does not tell whether a broken connection had carried the request: assume that it had.
    return GatewayAway(f"Stripe: {error!r}", sent=True)
