"""What a shopper tells at checkout, and what is wrong with it: one message per field, quoting it."""

from __future__ import annotations

import re
import uuid
from typing import Annotated

import msgspec

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# The longest an address line may be; carriers print less.
LONGEST = 120

Text = Annotated[str, msgspec.Meta(max_length=LONGEST)]


class Address(msgspec.Struct, omit_defaults=False):
    """Where the parcel goes."""

    name: Annotated[Text, msgspec.Meta(examples=["Ada Lovelace"])]
    line1: Annotated[Text, msgspec.Meta(examples=["Hauptstr. 1"])]
    city: Annotated[Text, msgspec.Meta(examples=["Berlin"])]
    postcode: Annotated[Text, msgspec.Meta(examples=["10115"])]
    country: Annotated[str, msgspec.Meta(max_length=2, description="ISO 3166-1 alpha-2", examples=["DE"])]
    line2: Text = ""
    region: Text = ""
    phone: Text = ""


class PaymentChoice(msgspec.Struct):
    """The gateway's token for the shopper's means of payment."""

    token: Annotated[
        str, msgspec.Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$", examples=["tok_ok"])
    ]


class CheckoutRequest(msgspec.Struct, omit_defaults=True):
    """An order for what the cart holds.

    What is left out stays out of the request's fingerprint: a key outlives a release that adds fields.
    """

    cart_id: uuid.UUID
    email: Annotated[str, msgspec.Meta(max_length=254, examples=["ada@example.com"])]
    shipping_address: Address
    shipping_method: Annotated[str, msgspec.Meta(max_length=40, examples=["standard"])]
    # Not needed when gift cards pay all of it.
    payment: PaymentChoice | None = None
    # What the buyer was shown, in minor units: another total is refused (409) instead of charged.
    expected_total: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None


LABELS = {
    "name": "Full name",
    "line1": "Address",
    "city": "City",
    "postcode": "Postcode",
    "country": "Country",
}


def check_email(email: str) -> str | None:
    """Return what is wrong with the address, or None."""
    if not email:
        return "E-mail is missing: we send the confirmation there"
    if len(email) > 254 or not _EMAIL.fullmatch(email) or _CONTROL.search(email):
        return f"E-mail {email!r} is not an e-mail address: write it like name@example.com"
    return None


def check_address(address: Address, countries: dict[str, str]) -> dict[str, str]:
    """Return one message per faulty field, by the field's name."""
    errors: dict[str, str] = {}
    for field in address.__struct_fields__:
        value = getattr(address, field)
        if field in LABELS and not value.strip():
            errors[field] = f"{LABELS[field]} is missing"
        elif len(value) > LONGEST:
            errors[field] = f"{LABELS.get(field, field)} has {len(value)} characters: at most {LONGEST} fit"
        elif _CONTROL.search(value):
            errors[field] = f"{LABELS.get(field, field)} {value!r} holds a control character: remove it"
    if "country" not in errors and address.country not in countries:
        errors["country"] = f"Country {address.country!r} is not served: we deliver to {', '.join(countries)}"
    return errors
