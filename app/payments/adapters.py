"""Chooses the gateway that the settings name, with a circuit breaker around it."""

from __future__ import annotations

from app.core.settings import Settings
from app.payments.breaker import Breaker
from app.payments.gateway import TestGateway
from app.payments.ports import PaymentGateway

# Where Stripe's payment page is: the browser's form may lead there.
PAYMENT_PAGE = "https://checkout.stripe.com"


def make_gateway(settings: Settings) -> Breaker:
    """The gateway of the setting PAYMENT_GATEWAY."""
    return Breaker(_choose(settings))


def _choose(settings: Settings) -> PaymentGateway:
    if settings.payment_gateway == "test":
        return TestGateway(settings)
    # Its SDK takes a while to load.
    from app.payments.stripe_gateway import StripeGateway

    return StripeGateway(settings)
