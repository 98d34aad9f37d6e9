"""The adapter of the built-in test gateway (`python -m app.gateway`), over HTTP with JSON."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TypeVar

import httpx
import msgspec

from app.core.settings import Settings
from app.payments.ports import (
    BadWebhook,
    Charge,
    GatewayAway,
    OperationKind,
    OperationRefused,
    Payment,
    Receipt,
    Report,
)

T = TypeVar("T")

# The whole of a payment call. With CANCEL_SECONDS a dead gateway is told to the shopper within 3 seconds.
TAKE_SECONDS = 2.3
ASK_SECONDS = 2.0
CANCEL_SECONDS = 0.5
CONNECT_SECONDS = 1.0
CONNECTIONS = 50
# How old a webhook may be when it comes; older is a replay of somebody who listened.
WEBHOOK_AGE_SECONDS = 300


class _Batch(msgspec.Struct):
    events: list[Report]


class _Health(msgspec.Struct):
    state: str


class _Refusal(msgspec.Struct):
    error: str


class TestGateway:
    """PaymentGateway over the test gateway."""

    name = "test-gateway"

    def __init__(self, settings: Settings) -> None:
        self._webhook_key = settings.secrets.gateway_webhook_key
        self._client = httpx.AsyncClient(
            base_url=settings.gateway_url,
            headers={"Authorization": f"Bearer {settings.secrets.gateway_key}"},
            timeout=httpx.Timeout(TAKE_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=30),
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def take(self, charge: Charge, token: str, *, capture: bool) -> Payment:
        body = {
            "reference": charge.reference,
            "amount": charge.amount,
            "currency": charge.currency,
            "token": token,
            "return_url": charge.return_url,
            "capture": capture,
        }
        return _read(await self._ask("POST", "/v1/payments", TAKE_SECONDS, body), Payment)

    async def find(self, charge: Charge) -> Payment | None:
        response = await self._ask("GET", f"/v1/payments/{charge.reference}", ASK_SECONDS)
        return None if response.status_code == 404 else _read(response, Payment)

    async def cancel(self, charge: Charge) -> Payment:
        path = f"/v1/payments/{charge.reference}/cancel"
        return _read(await self._ask("POST", path, CANCEL_SECONDS), Payment)

    async def operate(self, charge: Charge, kind: OperationKind, amount: int, key: str) -> Receipt:
        path = f"/v1/payments/{charge.reference}/{kind}"
        response = await self._ask("POST", path, TAKE_SECONDS, {"amount": amount, "key": key})
        if response.status_code == 409:
            raise OperationRefused(_read(response, _Refusal, status=409).error)
        return _read(response, Receipt)

    async def ping(self) -> None:
        _read(await self._ask("GET", "/health/live", ASK_SECONDS), _Health)

    def read_webhook(self, signature: str, body: bytes) -> list[Report]:
        fields = dict(part.split("=", 1) for part in signature.split(",") if "=" in part)
        stamp = fields.get("t", "")
        wanted = hmac.new(self._webhook_key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted.encode(), fields.get("v1", "").encode()):
            raise BadWebhook("the signature does not fit")
        if not stamp.isdigit() or abs(time.time() - int(stamp)) > WEBHOOK_AGE_SECONDS:
            raise BadWebhook(f"the timestamp {stamp!r} is too far from now")
        try:
            return msgspec.json.decode(body, type=_Batch).events
        except msgspec.DecodeError as error:
            raise BadWebhook(str(error)) from error

    async def _ask(
        self, method: str, path: str, seconds: float, body: object | None = None
    ) -> httpx.Response:
        content = msgspec.json.encode(body) if body is not None else None
        try:
            async with asyncio.timeout(seconds):
                return await self._client.request(
                    method, path, content=content, headers={"Content-Type": "application/json"}
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise GatewayAway(f"no connection to the gateway: {error!r}", sent=False) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise GatewayAway(f"no answer from the gateway: {error!r}", sent=True) from error


def _read(response: httpx.Response, kind: type[T], *, status: int | None = None) -> T:
    if not response.is_success and response.status_code != status:
        raise GatewayAway(f"the gateway answered {response.status_code}", sent=True)
    try:
        return msgspec.json.decode(response.content, type=kind)
    except msgspec.DecodeError as error:
        raise GatewayAway(f"the gateway's answer cannot be read: {error}", sent=True) from error
