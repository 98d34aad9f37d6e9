"""Keeps a gateway that fails from taking the shop with it: a circuit breaker around any adapter.

After FAILURES calls in a row without a usable answer the gateway is not asked for OPEN_SECONDS: checkout says
at once that payment is not available, instead of after its time-out. Then one call goes through; it alone
decides whether the others may.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from app.core import metrics
from app.payments.ports import (
    Charge,
    GatewayAway,
    OperationKind,
    OperationRefused,
    Payment,
    PaymentGateway,
    Receipt,
    Report,
)

T = TypeVar("T")

# So many in a row are no accident, even where one payment in ten fails.
FAILURES = 8
OPEN_SECONDS = 5.0


class BreakerState(StrEnum):
    """Closed lets calls through; half-open lets one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """PaymentGateway around another."""

    def __init__(self, inner: PaymentGateway, clock: Callable[[], float] = time.monotonic) -> None:
        self.inner = inner
        self._clock = clock
        self._failures = 0
        self._opened = 0.0
        self._probing = False

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def state(self) -> BreakerState:
        if self._failures < FAILURES:
            return BreakerState.CLOSED
        waited = self._clock() - self._opened >= OPEN_SECONDS
        return BreakerState.HALF_OPEN if waited or self._probing else BreakerState.OPEN

    async def take(self, charge: Charge, token: str, *, capture: bool) -> Payment:
        return await self._guard(lambda: self.inner.take(charge, token, capture=capture))

    async def find(self, charge: Charge) -> Payment | None:
        return await self._guard(lambda: self.inner.find(charge))

    async def cancel(self, charge: Charge) -> Payment:
        # What a failed call left behind is told to the gateway whatever the state: it comes once per failure.
        return await self._watch(self.inner.cancel(charge))

    async def operate(self, charge: Charge, kind: OperationKind, amount: int, key: str) -> Receipt:
        return await self._guard(lambda: self.inner.operate(charge, kind, amount, key))

    async def ping(self) -> None:
        await self.inner.ping()

    def read_webhook(self, signature: str, body: bytes) -> list[Report]:
        return self.inner.read_webhook(signature, body)

    async def close(self) -> None:
        await self.inner.close()

    async def _guard(self, call: Callable[[], Awaitable[T]]) -> T:
        state = self.state
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._probing):
            metrics.gateway_calls.labels("refused").inc()
            raise GatewayAway("the gateway failed again and again; it is left alone for a moment", sent=False)
        self._probing = state is BreakerState.HALF_OPEN
        try:
            return await self._watch(call())
        finally:
            self._probing = False

    async def _watch(self, call: Awaitable[T]) -> T:
        try:
            answer = await call
        except GatewayAway:
            self._failures += 1
            self._opened = self._clock()
            metrics.gateway_calls.labels("failed").inc()
            raise
        except OperationRefused:
            self._failures = 0
            raise
        self._failures = 0
        metrics.gateway_calls.labels("answered").inc()
        return answer
