"""The port that every payment gateway fulfils. Card data never comes near it, only the gateway's tokens."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class PaymentState(StrEnum):
    """Where a payment is; all but REQUIRES_ACTION are final at checkout."""

    REQUIRES_ACTION = "requires_action"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self is not PaymentState.REQUIRES_ACTION


class Payment(msgspec.Struct, frozen=True):
    """What the gateway knows of one attempt; `amount` in minor units."""

    id: str
    reference: str
    state: PaymentState
    amount: int
    currency: str
    action_url: str | None = None
    reason: str | None = None


class GatewayAway(Exception):  # noqa: N818
    """The gateway did not give a usable answer in time.

    `sent` tells whether it may have got the request: then its outcome is unknown, and must be asked for.
    """

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.sent = sent


class BadWebhook(Exception):  # noqa: N818
    """The webhook is not from the gateway, is too old, or cannot be read."""


class PaymentGateway(Protocol):
    """Takes payments, each known by a `reference` of ours that it never takes twice."""

    @property
    def name(self) -> str:
        """Stable name, part of the unique key of payment events."""

    async def take(self, reference: str, amount: int, currency: str, token: str, return_url: str) -> Payment:
        """Authorize and capture at once. Raises GatewayAway."""

    async def find(self, reference: str) -> Payment | None:
        """Return the payment, or None when the gateway never heard of it. Raises GatewayAway."""

    async def cancel(self, reference: str) -> Payment:
        """End a payment that is not captured, also one that has yet to arrive: it is refused then.

        Returns the payment as it is afterwards; a captured one stays captured. Raises GatewayAway.
        """

    async def ping(self) -> None:
        """Return when the gateway is in service. Raises GatewayAway."""

    def read_webhook(self, signature: str, body: bytes) -> list[Payment]:
        """Return the payments that the webhook reports on. Raises BadWebhook."""

    async def close(self) -> None:
        """End the connections."""
