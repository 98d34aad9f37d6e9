"""The answers of a checkout, as they are kept with its key and given again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.core.money import Money


class Answer(msgspec.Struct, frozen=True):
    """A status and its document; 4xx and 5xx are problem documents."""

    status: int
    document: dict[str, Any]
    retry_after: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 202:
            headers["Location"] = self.document["next_action"]["url"]
        return headers

    @property
    def media_type(self) -> str:
        return "application/json" if self.status < 400 else "application/problem+json"


def _order(order: Mapping[str, Any], state: str) -> dict[str, Any]:
    total = Money(order["total"], order["currency"])
    return {
        "number": order["number"],
        "state": state,
        "total": msgspec.to_builtins(total),
        "token": order["token"],
    }


def confirmed(order: Mapping[str, Any]) -> Answer:
    """201: the order stands and is paid."""
    return Answer(201, {"order": _order(order, "confirmed")})


def action_needed(order: Mapping[str, Any], url: str) -> Answer:
    """202: the shopper must go to `url`; after that the same key answers the order."""
    return Answer(
        202, {"order": _order(order, "payment_pending"), "next_action": {"type": "redirect", "url": url}}
    )


# Why a payment failed, for people.
REASONS = {
    "card_declined": "The card was declined. Please use another one.",
    "authentication_failed": "The payment was not approved.",
    "unknown_token": "The means of payment is not known.",
}


def declined(reason: str | None) -> Answer:
    """402: nothing was taken, the cart is as it was; a new attempt needs a new key."""
    detail = REASONS.get(reason or "", "The payment was not completed.")
    return Answer(
        402,
        {
            "type": "/problems/payment-declined",
            "title": "The payment was declined",
            "status": 402,
            "detail": detail,
            "reason": reason or "declined",
        },
    )


def in_flight() -> Answer:
    """409: a request with this key is still at work."""
    return _problem(
        409,
        "checkout-in-progress",
        "The checkout is in progress",
        "A request with this Idempotency-Key is still at work; repeat it to get its answer.",
        1,
    )


def key_reused() -> Answer:
    """409: the key belongs to another request."""
    return _problem(
        409,
        "idempotency-key-reused",
        "The key was used before",
        "This Idempotency-Key came with another body; use a new key for a new order.",
    )


def gateway_away() -> Answer:
    """503: nothing was taken and the cart is kept; the same request may be repeated."""
    return _problem(
        503,
        "payment-unavailable",
        "Payment is not available",
        "The payment service does not answer. Nothing was charged and your cart is kept.",
        5,
    )


def outcome_unknown() -> Answer:
    """503: the payment may or may not have been taken; it is being found out."""
    return _problem(
        503,
        "payment-unknown",
        "Payment is being checked",
        "The payment service does not answer. Your cart is kept. Repeat the request with the same key:"
        " you will not be charged twice.",
        5,
    )


def _problem(status: int, type: str, title: str, detail: str, retry_after: int | None = None) -> Answer:
    document = {"type": f"/problems/{type}", "title": title, "status": status, "detail": detail}
    return Answer(status, document, retry_after)
