"""What a checkout does with the price: compares it with what the buyer saw, hands it to the statement."""

from __future__ import annotations

from typing import Any

import msgspec

from app.checkout.forms import CheckoutRequest
from app.core.money import format_money
from app.core.problems import Invalid, Problem
from app.pricing.basket import Priced
from app.pricing.service import Quote


def check_offer(request: CheckoutRequest, offer: Quote, expected_total: int | None) -> None:
    """Raise Problem when the price is not what the buyer was shown, or nothing is given to pay it with."""
    total = offer.priced.total
    if expected_total is not None:
        if expected_total != total:
            raise total_changed(total=total)
    elif offer.dead:
        # Nobody has seen the total: a code that will not apply must not make it dearer in silence.
        detail = "; ".join(f"{code} {reason}" for code, reason in offer.dead.items())
        raise Problem(
            409, "code-refused", "A code does not apply", f"{detail}. Take it out of the cart.", total=total
        )
    if request.payment is None and offer.priced.due:
        raise Invalid({"payment": f"payment is missing: {format_money(offer.priced.due)} are to be paid"})


def total_changed(total: int | None = None) -> Problem:
    """The 409 for who was shown another total."""
    problem = Problem(409, "total-changed", "The price has changed", "Please look at the new total.")
    if total is not None:
        problem.extra["total"] = total
    return problem


def place_arguments(priced: Priced) -> tuple[Any, ...]:
    """The arguments of PLACE that the price makes."""
    used = [one for one in priced.benefits if one.amount or one.shipping]
    kept = [
        {"title": one.title, "code": one.code, "amount": one.amount, "shipping": one.shipping} for one in used
    ]
    return (
        priced.total,
        priced.discount,
        priced.tax,
        priced.tax_included,
        priced.shipping_tax,
        priced.shipping_tax_rate,
        priced.gift_card,
        msgspec.json.encode(kept).decode(),
        [line.discount for line in priced.lines],
        [line.tax for line in priced.lines],
        [line.tax_rate for line in priced.lines],
        [one.promotion for one in used],
        [one.code for one in used],
        [payment.card.id for payment in priced.payments],
        [payment.amount for payment in priced.payments],
    )
