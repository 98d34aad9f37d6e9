"""What the API says and is told of gift cards."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from app.api.kinds import LINE, NAME, Moment
from app.core.money import CURRENCY, Money
from app.giftcards.records import EventKind
from app.giftcards.service import MOST

Expires = Annotated[Moment | None, msgspec.Meta(description="Null: never", examples=["2028-12-31T00:00:00Z"])]
Note = Annotated[
    str, msgspec.Meta(max_length=200, pattern=LINE, description="For staff", examples=["for a prize"])
]


class GiftCardEntry(msgspec.Struct, kw_only=True):
    """A gift card. Its code is known to its holder alone; `last4` are the last characters of it."""

    id: int
    last4: Annotated[str, msgspec.Meta(examples=["WC5H"])]
    balance: Money
    active: Annotated[bool, msgspec.Meta(description="False: blocked")]
    expires_at: Expires
    note: Note
    created_at: Moment


class IssuedGiftCard(GiftCardEntry, kw_only=True):
    """The card that was made, with its code: this is the only answer that has it."""

    code: Annotated[str, msgspec.Meta(examples=["7K2M-Q4XN-B8TR-WC5H"])]


class GiftCardList(msgspec.Struct):
    """Some gift cards, newest first; `next_cursor` is null at the end."""

    items: list[GiftCardEntry]
    next_cursor: str | None


class GiftCardEvent(msgspec.Struct, kw_only=True):
    """A line of a card's ledger; what was spent has a negative amount."""

    id: int
    kind: EventKind
    amount: Money
    by: str
    at: Moment
    order_number: Annotated[str | None, msgspec.Meta(examples=["S100042"])]


class GiftCardEventList(msgspec.Struct):
    """Some of a card's ledger, oldest first; `next_cursor` is null at the end."""

    items: list[GiftCardEvent]
    next_cursor: str | None


class CardValue(msgspec.Struct, forbid_unknown_fields=True):
    """An amount in minor units (cents)."""

    amount: Annotated[int, msgspec.Meta(ge=1, le=MOST, examples=[2500])]
    currency: Literal["EUR"] = CURRENCY  # type: ignore[assignment]


class Correction(msgspec.Struct, forbid_unknown_fields=True):
    """An amount in minor units (cents), negative to take something off the card."""

    amount: Annotated[int, msgspec.Meta(ge=-MOST, le=MOST, examples=[-500])]
    currency: Literal["EUR"] = CURRENCY  # type: ignore[assignment]


class NewGiftCard(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A gift card to be made."""

    amount: CardValue
    expires_at: Expires = None
    note: Note = ""


class GiftCardAdjustment(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A correction of what is on a card, and why."""

    amount: Correction
    reason: Annotated[
        str, msgspec.Meta(min_length=1, max_length=200, pattern=NAME, examples=["paid out in the shop"])
    ]


class ChangedGiftCard(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """False blocks the card, for good or until it is freed again; what is on it stays."""

    active: bool
