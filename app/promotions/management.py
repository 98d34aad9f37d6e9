"""Promotions for other systems: found, made, changed, ended; their codes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler
from msgspec import UNSET

from app.api.conditions import IfMatch, answer_tagged, check_match, tag_of
from app.api.idempotency import Answer, IdempotencyKey, run_once
from app.api.kinds import MOST_ID, Cursor, Limit, PathId, Price, to_utc
from app.api.trail import log_change
from app.core.cursors import bad_cursor, read_cursor, write_cursor
from app.core.database import Connection, Database
from app.core.money import Money
from app.core.problems import Invalid, Problem
from app.keys.guards import needs
from app.keys.service import Scope
from app.pricing.basket import Action, AmountOff
from app.promotions import editing, service
from app.promotions.documents import (
    AmountRule,
    ChangedPromotion,
    ManagedPromotion,
    NewCode,
    NewCodes,
    NewCodesMade,
    PromotionCode,
    PromotionCodeList,
    PromotionDraft,
    PromotionList,
    Rule,
)

Asked = Request[Any, Any, Any]
TAG = "manage promotions"
OnlyActive = Annotated[bool | None, QueryParameter(description="Only those switched on, or only the others")]
OnlyAutomatic = Annotated[
    bool | None, QueryParameter(description="Only those that apply by themselves, or only those with codes")
]


@get(
    "/api/v1/admin/promotions",
    tags=[TAG],
    responses={200: ResponseSpec(PromotionList, description="Promotions")},
    opt={"etag": True},
    **needs(Scope.PROMOTIONS_READ),
)
async def list_promotions(  # noqa: PLR0917  # the framework names every argument
    request: Asked,
    database: Database,
    active: OnlyActive = None,
    automatic: OnlyAutomatic = None,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> Response[bytes]:
    """List promotions, newest first."""
    before = read_cursor(cursor, int) if cursor else MOST_ID
    if not 0 <= before <= MOST_ID:
        raise bad_cursor(cursor)
    found = await editing.list_promotions(
        database, before=before, limit=limit + 1, active=active, automatic=automatic
    )
    following = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return answer_tagged(
        request, msgspec.json.encode(PromotionList([show(one) for one in found[:limit]], following))
    )


@get(
    "/api/v1/admin/promotions/{promotion_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(ManagedPromotion, description="The promotion")},
    opt={"etag": True},
    **needs(Scope.PROMOTIONS_READ),
)
async def show_promotion(request: Asked, database: Database, promotion_id: PathId) -> Response[bytes]:
    """One promotion: what it does, for what, and when."""
    return answer_tagged(request, encode(await editing.read_promotion(database, promotion_id)))


@post(
    "/api/v1/admin/promotions",
    tags=[TAG],
    responses={201: ResponseSpec(ManagedPromotion, description="The promotion as it was made")},
    opt={"etag": True, "location": True},
    **needs(Scope.PROMOTIONS_WRITE),
)
async def create_promotion(
    request: Asked,
    database: Database,
    data: PromotionDraft,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001  # read by run_once; named for the document
) -> Response[bytes]:
    """Make a promotion, which is switched on. An automatic one applies at once; others are given codes."""

    async def work(connection: Connection) -> Answer:
        starts_at, ends_at = to_utc("starts_at", data.starts_at), to_utc("ends_at", data.ends_at)
        editing.check_validity(starts_at, ends_at)
        products, collections = await editing.find_goods(connection, data.products, data.collections)
        new = service.NewPromotion(
            title=data.title.strip(),
            automatic=data.automatic,
            action=_action(data.action),
            products=products,
            collections=collections,
            minimum_spend=data.minimum_spend.amount if data.minimum_spend else 0,
            minimum_quantity=data.minimum_quantity,
            starts_at=starts_at,
            ends_at=ends_at,
            usage_limit=data.usage_limit,
            per_customer=data.per_customer,
            first_order=data.first_order,
            priority=data.priority,
            exclusive=data.exclusive,
            group=data.group.strip(),
        )
        made = await service.create_promotion(connection, new)
        name = f"promotion:{made}"
        await log_change(request, connection, "promotion.create", name, after=msgspec.to_builtins(new))
        promotion = await editing.read_promotion(connection, made)
        headers = {"Location": f"/api/v1/admin/promotions/{made}", "ETag": tag_of(encode(promotion))}
        return Answer(show(promotion), 201, headers)

    return await run_once(request, database, work)


@patch(
    "/api/v1/admin/promotions/{promotion_id:int}",
    tags=[TAG],
    responses={200: ResponseSpec(ManagedPromotion, description="The promotion as it is now")},
    opt={"etag": True},
    **needs(Scope.PROMOTIONS_WRITE),
)
async def change_promotion(  # noqa: PLR0917
    request: Asked,
    database: Database,
    promotion_id: PathId,
    data: ChangedPromotion,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Change when a promotion is valid, its title and its place among others. `active` false ends it at once.

    An order that is being placed in this moment may still get it. What it does stays as its orders know it:
    to give something else, end it and make another.
    """

    async def work(connection: Connection) -> Answer:
        before = await editing.lock_promotion(connection, promotion_id)
        check_match(if_match, tag_of(encode(before)))
        given = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not UNSET}
        for name, value in given.items():
            if isinstance(value, datetime):
                given[name] = to_utc(name, value)
            elif isinstance(value, str):
                given[name] = value.strip()
        after = await editing.change_promotion(connection, before, editing.PromotionChange(**given))
        await log_change(
            request,
            connection,
            "promotion.change",
            f"promotion:{promotion_id}",
            before={name: getattr(before, name) for name in given},
            after={name: getattr(after, name) for name in given},
        )
        return Answer(show(after), headers={"ETag": tag_of(encode(after))})

    return await run_once(request, database, work)


@get(
    "/api/v1/admin/promotions/{promotion_id:int}/codes",
    tags=[TAG],
    responses={200: ResponseSpec(PromotionCodeList, description="Codes")},
    opt={"etag": True},
    **needs(Scope.PROMOTIONS_READ),
)
async def list_promotion_codes(
    request: Asked, database: Database, promotion_id: PathId, limit: Limit = 20, cursor: Cursor = ""
) -> Response[bytes]:
    """List a promotion's codes, and the order that each code for one order was used up by."""
    after = read_cursor(cursor, str) if cursor else ""
    if cursor and service.clean_code(after) != after:
        raise bad_cursor(cursor)
    await editing.read_promotion(database, promotion_id)
    found = await editing.list_codes(database, promotion_id, after=after, limit=limit + 1)
    following = write_cursor(found[limit - 1].code) if len(found) > limit else None
    items = [PromotionCode(*msgspec.structs.astuple(one)) for one in found[:limit]]
    return answer_tagged(request, msgspec.json.encode(PromotionCodeList(items, following)))


@post(
    "/api/v1/admin/promotions/{promotion_id:int}/codes",
    tags=[TAG],
    responses={201: ResponseSpec(NewCodesMade, description="The code as it is kept")},
    opt={"problems": ("code-taken", "needs-no-codes")},
    **needs(Scope.PROMOTIONS_WRITE),
)
async def add_promotion_code(
    request: Asked,
    database: Database,
    promotion_id: PathId,
    data: NewCode,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Give a promotion a code that many may use."""
    code = service.clean_code(data.code)
    if code is None:
        raise Invalid({"code": f"code is {data.code!r}: it must have 3 to 32 letters and digits"})

    async def work(connection: Connection) -> Answer:
        await _lock_for_codes(connection, promotion_id)
        if not await service.add_code(connection, promotion_id, code):
            detail = f"{code} is a code of this or another promotion: choose another."
            raise Problem(409, "code-taken", "The code is taken", detail)
        name = f"promotion:{promotion_id}"
        await log_change(request, connection, "promotion.code", name, after={"code": code})
        return Answer(NewCodesMade([code]), 201)

    return await run_once(request, database, work)


@post(
    "/api/v1/admin/promotions/{promotion_id:int}/codes/batches",
    tags=[TAG],
    responses={201: ResponseSpec(NewCodesMade, description="The codes")},
    opt={"problems": ("needs-no-codes",)},
    **needs(Scope.PROMOTIONS_WRITE),
)
async def make_promotion_codes(
    request: Asked,
    database: Database,
    promotion_id: PathId,
    data: NewCodes,
    idempotency_key: IdempotencyKey = None,  # noqa: ARG001
) -> Response[bytes]:
    """Make codes that nobody guesses, each for one order."""

    async def work(connection: Connection) -> Answer:
        await _lock_for_codes(connection, promotion_id)
        made = await service.make_codes(connection, promotion_id, data.count)
        name = f"promotion:{promotion_id}"
        await log_change(request, connection, "promotion.batch", name, after={"codes": len(made)})
        return Answer(NewCodesMade(made), 201)

    return await run_once(request, database, work)


def encode(promotion: editing.PromotionRecord) -> bytes:
    """The promotion as its own address answers it; its ETag is made of these bytes."""
    return msgspec.json.encode(show(promotion))


def show(promotion: editing.PromotionRecord) -> ManagedPromotion:
    """The promotion in the API's words."""
    plain = msgspec.structs.asdict(promotion)
    given = {
        "action": _rule(promotion.action),
        "minimum_spend": Money(promotion.minimum_spend),
        "spent": plain.pop("is_spent"),
    }
    return ManagedPromotion(**{**plain, **given})


async def _lock_for_codes(connection: Connection, promotion_id: int) -> None:
    promotion = await editing.lock_promotion(connection, promotion_id)
    if promotion.automatic:
        detail = f"{promotion.title!r} is automatic: every cart gets it without a code."
        raise Problem(409, "needs-no-codes", "The promotion needs no codes", detail)


def _action(rule: Rule) -> Action:
    """What the arithmetic of prices knows it as."""
    if isinstance(rule, AmountRule):
        if not rule.amount.amount:
            raise Invalid({"action.amount.amount": "amount is 0: say how much is taken off, from 1"})
        return AmountOff(rule.amount.amount)
    action: Action = msgspec.convert(msgspec.to_builtins(rule), Action)
    return action


def _rule(action: Action) -> Rule:
    if isinstance(action, AmountOff):
        return AmountRule(Price(action.amount))
    rule: Rule = msgspec.convert(msgspec.to_builtins(action), Rule)
    return rule


routes: list[ControllerRouterHandler] = [
    list_promotions,
    show_promotion,
    create_promotion,
    change_promotion,
    list_promotion_codes,
    add_promotion_code,
    make_promotion_codes,
]
