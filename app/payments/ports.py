"""The port that every payment gateway fulfils. Card data never comes near it, only the gateway's tokens."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec


class PaymentState(StrEnum):
    """Where a payment is at checkout; all but REQUIRES_ACTION are final there.

    AUTHORIZED is money reserved, to be captured later; CAPTURED is money taken at once.
    """

    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self is not PaymentState.REQUIRES_ACTION

    @property
    def is_secured(self) -> bool:
        """The money is the store's, or reserved for it: the order may stand."""
        return self in (PaymentState.AUTHORIZED, PaymentState.CAPTURED)


class OperationKind(StrEnum):
    """What is done with a payment after checkout."""

    CAPTURE = "capture"
    REFUND = "refund"
    VOID = "void"

    @property
    def fact(self) -> str:
        """The kind of payment event that it becomes."""
        return {"capture": "captured", "refund": "refunded", "void": "voided"}[self]


class Charge(msgspec.Struct, frozen=True):
    """One attempt to be paid, known by a `reference` of ours; `amount` in minor units.

    All of it follows from the order alone, so that whoever asks again asks for the same. `payment_id` is the
    gateway's name for it, empty while the store does not know it.
    """

    reference: str
    amount: int
    currency: str
    return_url: str
    payment_id: str = ""


class Payment(msgspec.Struct, frozen=True):
    """What the gateway knows of one attempt; `amount` in minor units."""

    id: str
    reference: str
    state: PaymentState
    amount: int
    currency: str
    action_url: str | None = None
    reason: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """A capture, refund or void that the gateway carried out; `key` is ours, `id` is its own."""

    id: str
    key: str
    kind: OperationKind
    amount: int


class Report(msgspec.Struct, frozen=True):
    """What a webhook tells: how a payment stands, or with `receipt` what was done with it after checkout."""

    payment: Payment
    receipt: Receipt | None = None


class GatewayAway(Exception):  # noqa: N818
    """The gateway did not give a usable answer in time.

    `sent` tells whether it may have got the request: then its outcome is unknown, and must be asked for.
    """

    def __init__(self, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.sent = sent


class OperationRefused(Exception):  # noqa: N818
    """The gateway will not carry the operation out, however often it is asked."""


class BadWebhook(Exception):  # noqa: N818
    """The webhook is not from the gateway, is too old, or cannot be read."""


class PaymentGateway(Protocol):
    """Takes payments, each known by a `reference` of ours that it never takes twice."""

    @property
    def name(self) -> str:
        """Stable name, part of the unique key of payment events."""

    async def take(self, charge: Charge, token: str, *, capture: bool) -> Payment:
        """Authorize, and with `capture` take the money at once. Raises GatewayAway."""

    async def find(self, charge: Charge) -> Payment | None:
        """Return the payment, or None when the gateway never heard of it. Raises GatewayAway."""

    async def cancel(self, charge: Charge) -> Payment:
        """End a payment that is not secured, also one that has yet to arrive: it is refused then.

        Returns the payment as it is afterwards; a secured one stays as it is. Raises GatewayAway.
        """

    async def operate(self, charge: Charge, kind: OperationKind, amount: int, key: str) -> Receipt:
        """Capture of what is authorized, refund of what is captured, or void what is authorized still.

        One key is carried out once. Raises GatewayAway, and OperationRefused for what never will be.
        """

    async def ping(self) -> None:
        """Return when the gateway is in service. Raises GatewayAway."""

    def read_webhook(self, signature: str, body: bytes) -> list[Report]:
        """Return what the webhook reports. Raises BadWebhook."""

    async def close(self) -> None:
        """End the connections."""
