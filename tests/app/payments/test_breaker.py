"""A gateway that fails again and again is left alone, and asked again by one call."""

from __future__ import annotations

import pytest

from app.payments.breaker import FAILURES, OPEN_SECONDS, Breaker
from app.payments.ports import Charge, GatewayAway

CHARGE = Charge("r", 100, "EUR", "https://shop.example/back")


class Weak:
    """A gateway that fails while told to."""

    name = "weak"
    calls = 0
    fails = True

    async def find(self, charge: Charge) -> None:
        self.calls += 1
        if self.fails:
            raise GatewayAway("as told", sent=True)


async def ask(breaker: Breaker) -> bool:
    """Whether the call went through and failed there; False when it was refused at once."""
    with pytest.raises(GatewayAway) as away:
        await breaker.find(CHARGE)
    return away.value.sent


async def test_it_opens_half_opens_and_closes() -> None:
    now, weak = [0.0], Weak()
    breaker = Breaker(weak, lambda: now[0])  # type: ignore[arg-type]
    assert [await ask(breaker) for _ in range(FAILURES)] == [True] * FAILURES
    assert breaker.state == "open"
    assert not await ask(breaker)
    assert weak.calls == FAILURES
    now[0] += OPEN_SECONDS
    assert breaker.state == "half-open"
    assert await ask(breaker)
    assert breaker.state == "open"
    now[0] += OPEN_SECONDS
    weak.fails = False
    await breaker.find(CHARGE)
    assert breaker.state == "closed"
