"""The gateway's API for the store (`/v1/…`) and its page for shoppers (`/test-gateway/…`)."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Litestar, MediaType, Request, Response, delete, get, post, put
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.handlers.base import BaseRouteHandler
from litestar.response import Redirect
from litestar.types import ControllerRouterHandler, Guard

from app.gateway.faults import HANG_SECONDS, Drill, Faults, draw_latency, hits
from app.gateway.storage import RefusedError, Row, Storage
from app.gateway.webhooks import Courier

# How late `tok_slow` is answered: long for a shopper, yet within what stores wait.
SLOW_SECONDS = 1.5

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)
_page_headers = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Config:
    """What the gateway is told by its environment."""

    port: int
    key: str
    webhook_key: bytes
    webhook_url: str
    public_url: str
    folder: Path


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """A payment that the store asks for; `amount` in minor units."""

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    amount: Annotated[int, msgspec.Meta(ge=0)]
    currency: Annotated[str, msgspec.Meta(min_length=3, max_length=3)]
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    return_url: str
    capture: bool = True


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """A capture, refund or void; `amount` in minor units, `key` names it once and for all."""

    amount: Annotated[int, msgspec.Meta(gt=0)]
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


# What each token leads to: state and reason.
OUTCOMES: dict[str, tuple[str, str | None]] = {
    "tok_ok": ("captured", None),
    "tok_slow": ("captured", None),
    "tok_3ds": ("requires_action", None),
    "tok_declined": ("declined", "card_declined"),
}


def make_app(config: Config) -> Litestar:
    """Build the gateway on this configuration."""
    storage = Storage(config.folder)
    drill = Drill()

    async def suffer() -> Response[dict[str, Any]] | None:
        """What a payment call suffers before it is carried out: latency, no answer at all, or an error."""
        faults = drill.count_call()
        if seconds := draw_latency(faults):
            await asyncio.sleep(seconds)
        if hits(faults.hang_rate):
            await asyncio.sleep(HANG_SECONDS)
        return _failed() if hits(faults.error_rate) else None

    def answer(content: dict[str, Any], status: int = 200) -> Response[dict[str, Any]]:
        return _failed() if hits(drill.faults.lost_answer_rate) else Response(content, status_code=status)

    def describe(payment: Row) -> dict[str, Any]:
        waits = payment["state"] == "requires_action"
        return {
            "id": payment["id"],
            "reference": payment["reference"],
            "state": payment["state"],
            "amount": payment["amount"],
            "currency": payment["currency"],
            "action_url": f"{config.public_url}/test-gateway/challenge/{payment['id']}" if waits else None,
            "reason": payment["reason"] if payment["state"] in ("declined", "cancelled") else None,
            **storage.totals(payment),
        }

    check_key = _make_guard(config.key)

    @post("/v1/payments", guards=[check_key])
    async def take_payment(data: Order) -> Response[dict[str, Any]]:
        if failed := await suffer():
            return failed
        if data.token == "tok_error":  # noqa: S105
            return _failed()
        state, reason = OUTCOMES.get(data.token, ("declined", "unknown_token"))
        if hits(drill.faults.decline_rate):
            state, reason = "declined", "card_declined"
        if state == "captured" and not data.capture:
            state = "authorized"
        payment = storage.create(
            data.reference,
            state,
            amount=data.amount,
            currency=data.currency,
            return_url=data.return_url,
            reason=reason,
            capture=data.capture,
        )
        if data.token == "tok_slow":  # noqa: S105
            await asyncio.sleep(SLOW_SECONDS)
        return answer(describe(payment), 201)

    @get("/v1/payments/{reference:str}", guards=[check_key])
    async def show_payment(reference: str) -> Response[dict[str, Any]]:
        if failed := await suffer():
            return failed
        payment = storage.find(reference)
        if payment is None:
            return Response({"error": f"no payment {reference!r}"}, status_code=404)
        return Response(describe(payment))

    @post("/v1/payments/{reference:str}/cancel", guards=[check_key], status_code=200)
    async def cancel_payment(reference: str) -> Response[dict[str, Any]]:
        if failed := await suffer():
            return failed
        # A reference never heard of is taken too: should its payment arrive late, it finds itself cancelled.
        payment = storage.create(
            reference, "cancelled", amount=0, currency="XXX", reason="cancelled_by_store"
        )
        storage.settle(payment["id"], "cancelled", "cancelled_by_store")
        return answer(describe(storage.find(reference) or payment))

    @post(
        [f"/v1/payments/{{reference:str}}/{kind}" for kind in ("capture", "refund", "void")],
        guards=[check_key],
        status_code=200,
    )
    async def operate(
        request: Request[Any, Any, Any], reference: str, data: Wish
    ) -> Response[dict[str, Any]]:
        if failed := await suffer():
            return failed
        kind = request.url.path.rpartition("/")[2]
        try:
            done = storage.operate(reference, kind, data.amount, data.key)
        except RefusedError as refusal:
            return Response({"error": str(refusal)}, status_code=409)
        return answer({name: done[name] for name in ("id", "key", "kind", "amount")})

    @get(["/health/live", "/health/ready"])
    async def show_health() -> dict[str, Any]:
        storage.find("")
        return {"state": "ready", "faults": drill.describe()}

    @asynccontextmanager
    async def deliveries(_app: Litestar) -> AsyncIterator[None]:
        sender = asyncio.create_task(
            Courier(storage, config.webhook_url, config.webhook_key, describe, drill).run()
        )
        try:
            yield
        finally:
            sender.cancel()
            storage.close()

    return Litestar(
        [
            take_payment,
            show_payment,
            cancel_payment,
            operate,
            *_fault_routes(drill, check_key),
            *_page_routes(storage, config),
            show_health,
        ],
        lifespan=[deliveries],
        openapi_config=None,
        logging_config=None,
    )


def _fault_routes(drill: Drill, check_key: Guard) -> list[ControllerRouterHandler]:
    @get("/v1/faults", guards=[check_key])
    async def show_faults() -> dict[str, Any]:
        return {"faults": drill.describe()}

    @put("/v1/faults", guards=[check_key])
    async def set_faults(data: Faults) -> dict[str, Any]:
        drill.set(data)
        return {"faults": drill.describe()}

    @delete("/v1/faults", guards=[check_key], status_code=200)
    async def end_faults() -> dict[str, Any]:
        drill.reset()
        return {"faults": {}}

    return [show_faults, set_faults, end_faults]


def _page_routes(storage: Storage, config: Config) -> list[ControllerRouterHandler]:
    @get("/test-gateway/challenge/{payment_id:str}")
    async def show_challenge(payment_id: str) -> Response[Any]:
        payment = _payment(storage, payment_id)
        if payment["state"] != "requires_action":
            return Redirect(payment["return_url"] or config.public_url, status_code=303)
        page = _templates.get_template("challenge.html").render(payment=payment)
        return Response(page, media_type=MediaType.HTML, headers=_page_headers)

    @post("/test-gateway/challenge/{payment_id:str}")
    async def answer_challenge(request: Request[Any, Any, Any], payment_id: str) -> Redirect:
        payment = _payment(storage, payment_id)
        form = await request.form()
        if form.get("outcome") == "approve":
            storage.settle(payment_id, "captured" if payment["capture"] else "authorized")
        else:
            storage.settle(payment_id, "declined", "authentication_failed")
        return Redirect(payment["return_url"] or config.public_url, status_code=303)

    @get("/test-gateway/style.css")
    async def show_style() -> Response[str]:
        style = (Path(__file__).parent / "templates" / "style.css").read_text()
        return Response(style, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})

    return [show_challenge, answer_challenge, show_style]


def _make_guard(key: str) -> Guard:
    def check_key(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given = connection.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
            raise NotAuthorizedException("the key does not fit")

    return check_key


def _failed() -> Response[dict[str, Any]]:
    return Response({"error": "the gateway failed, as asked"}, status_code=500)


def _payment(storage: Storage, payment_id: str) -> Row:
    payment = storage.find_by_id(payment_id)
    if payment is None:
        raise NotFoundException("no such payment")
    return payment
