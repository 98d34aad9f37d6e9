"""Gift cards for other systems: found, read with their history, issued, corrected, blocked."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from app.api.conditions import IfMatch, answer_tagged, check_match, tag_of
from app.api.idempotency import Answer, IdempotencyKey, key_for, run_once
from app.api.kinds import MOST_ID, Cursor, Limit, PathId, to_utc
from app.api.trail import actor_of, log_change
from app.core.cursors import bad_cursor, read_cursor, write_cursor
from app.core.database import Connection, Database
from app.core.money import Money, format_money
from app.core.problems import Invalid, Problem
from app.giftcards import records, service
from app.giftcards.documents import (
    ChangedGiftCard,
    GiftCardAdjustment,
    GiftCardEntry,
    GiftCardEvent,
    GiftCardEventList,
    GiftCardList,
    IssuedGiftCard,
    NewGiftCard,
)
from app.keys.guards import needs
from app.keys.service import Scope
from app.promotions.service import show_code

Asked = Request[Any, Any, Any]
TAG = "manage gift cards"
OnlyActive = Annotated[bool | None, QueryParameter(description="Only those not blocked, or only the others")]
Last4 = Annotated[
    str | None,
    QueryParameter(pattern="^[A-Za-z0-9]{4}$", max_length=4, description="The last characters of its code"),
]


@get(
    "/api/v1/admin/gift-cards",
    tags=[TAG],
    responses={200: ResponseSpec(GiftCardList, description="Gift cards")},
    opt={"etag": True},
    **needs(Scope.GIFT_CARDS_READ),
)
async def list_gift_cards(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    active: OnlyActive = None,
    last4: Last4 = None,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response[bytes]:
    """List gift cards with what is on them, newest first. Nobody can list their codes."""
    before = _read(cursor, MOST_ID)
    wanted = last4.upper() if last4 else None
    found = await records.list_cards(database, before=before, limit=limit + 1, active=active, last4=wanted)
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return answer_tagged(
        request, msgspec.json.encode(GiftCardList([show(card) for card in found[:limit]], following))
    )


@get(
    "/api/v1/admin/gift-cards/{card_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(GiftCardEntry, description="The gift card")},
    opt={"etag": True},
    **needs(Scope.GIFT_CARDS_READ),
)
async def show_gift_card(request: Asked, database: Database, card_id: PathId) -> Response[bytes]:
    """One gift card with what is on it."""
    return answer_tagged(request, encode(await records.read_card(database, card_id)))


@get(
    "/api/v1/admin/gift-cards/{card_id:int}/events",
    tags=[TAG],
    responses={200: ResponseSpec(GiftCardEventList, description="Its ledger")},
    opt={"etag": True},
    **needs(Scope.GIFT_CARDS_READ),
)
async def list_gift_card_events(
    request: Asked, database: Database, card_id: PathId, limit: Limit = 20, cursor: Cursor = ""
) -> Response[bytes]:
    """A gift card's ledger, oldest first: issued, redeemed by which order, given back, corrected."""
    after = _read(cursor, 0)
    await records.read_card(database, card_id)
    found = await records.list_events(database, card_id, after=after, limit=limit + 1)
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    items = [
        GiftCardEvent(
            id=one.id,
            kind=one.kind,
            amount=Money(one.amount),
            by=one.actor,
            at=one.at,
            order_number=one.order_number,
        )
        for one in found[:limit]
    ]
    return answer_tagged(request, msgspec.json.encode(GiftCardEventList(items, following)))


@post(
    "/api/v1/admin/gift-cards",
    tags=[TAG],
    responses={201: ResponseSpec(IssuedGiftCard, description="The gift card with its code")},
    opt={"etag": True, "location": True},
    **needs(Scope.GIFT_CARDS_WRITE),
)
async def issue_gift_card(
    request: Asked,
    database: Database,
    data: NewGiftCard,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001  # read by run_once; named for the document
) -> Response[bytes]:
    """Make a gift card. Its code is in this answer and in no other: the store keeps a hash of it alone.

    The same request with the same Idempotency-Key and API key is answered alike, code included.
    """

    async def work(connection: Connection) -> Answer:
        expires_at, note = to_utc("expires_at", data.expires_at), data.note.strip()
        made, code = await service.issue(
            connection, data.amount.amount, actor=actor_of(request), note=note, expires_at=expires_at
        )
        card = await records.read_card(connection, made)
        told = {"id": made, "amount": card.balance, "last4": card.last4, "note": note}
        await log_change(request, connection, "gift-card.issue", f"gift-card:{made}", after=told)
        issued = IssuedGiftCard(**msgspec.structs.asdict(show(card)), code=show_code(code))
        headers = {"Location": f"/api/v1/admin/gift-cards/{made}", "ETag": tag_of(encode(card))}
        return Answer(issued, 201, headers, is_secret=True)

    return await run_once(request, database, work)


@post(
    "/api/v1/admin/gift-cards/{card_id:int}/adjustments",
    tags=[TAG],
    responses={201: ResponseSpec(GiftCardEntry, description="The gift card after it")},
    opt={"etag": True, "problems": ("balance-too-low",)},
    **needs(Scope.GIFT_CARDS_WRITE),
)
async def adjust_gift_card(  # noqa: PLR0917
    request: Asked,
    database: Database,
    card_id: PathId,
    data: GiftCardAdjustment,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Correct what is on a gift card, up or down to nothing. The reason goes to the audit log."""
    by = data.amount.amount
    if not by:
        raise Invalid({"amount.amount": "amount is 0: say how much is put on the card, or taken off it"})

    async def work(connection: Connection) -> Answer:
        card = await records.lock_card(connection, card_id)
        check_match(if_match, tag_of(encode(card)))
        if card.balance + by < 0:
            detail = f"amount is {by}: there are only {format_money(card.balance)} on the card."
            raise Problem(409, "balance-too-low", "The balance is too low", detail)
        await service.adjust(connection, card_id, by, key=key_for(request), actor=actor_of(request))
        after = await records.read_card(connection, card_id)
        await log_change(
            request,
            connection,
            "gift-card.adjust",
            f"gift-card:{card_id}",
            before={"balance": card.balance},
            after={"balance": after.balance, "reason": data.reason},
        )
        return Answer(show(after), 201, {"ETag": tag_of(encode(after))})

    return await run_once(request, database, work)


@patch(
    "/api/v1/admin/gift-cards/{card_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(GiftCardEntry, description="The gift card as it is now")},
    opt={"etag": True},
    **needs(Scope.GIFT_CARDS_WRITE),
)
async def change_gift_card(  # noqa: PLR0917
    request: Asked,
    database: Database,
    card_id: PathId,
    data: ChangedGiftCard,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Block a gift card that was lost or shall be void, or free it again. Orders placed with it stay."""

    async def work(connection: Connection) -> Answer:
        card = await records.lock_card(connection, card_id)
        check_match(if_match, tag_of(encode(card)))
        after = await records.switch_card(connection, card, on=data.active)
        name = f"gift-card:{card_id}"
        before, now = {"active": card.active}, {"active": after.active}
        await log_change(request, connection, "gift-card.switch", name, before=before, after=now)
        return Answer(show(after), headers={"ETag": tag_of(encode(after))})

    return await run_once(request, database, work)


def encode(card: records.CardRecord) -> bytes:
    """The card as its own address answers it; its ETag is made of these bytes."""
    return msgspec.json.encode(show(card))


def show(card: records.CardRecord) -> GiftCardEntry:
    """The card in the API's words."""
    return GiftCardEntry(
        id=card.id,
        last4=card.last4,
        balance=Money(card.balance, card.currency),
        active=card.active,
        expires_at=card.expires_at,
        note=card.note,
        created_at=card.created_at,
    )


def _read(cursor: str, start: int) -> int:
    position = read_cursor(cursor, int) if cursor else start
    if not 0 <= position <= MOST_ID:
        raise bad_cursor(cursor)
    return position


routes: list[ControllerRouterHandler] = [
    list_gift_cards,
    show_gift_card,
    list_gift_card_events,
    issue_gift_card,
    adjust_gift_card,
    change_gift_card,
]
