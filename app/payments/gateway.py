"""The adapter of the built-in test gateway (`python -m app.gateway`), over HTTP with JSON.

aiohttp, not httpx: on uvloop httpx raises AttributeError, none of its own errors, when a connection is reset
right after it was made, as by a gateway that is being killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import aiohttp
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
# Shorter than the gateway keeps a connection that nobody uses.
KEEPALIVE_SECONDS = 30
# How old a webhook may be when it comes; older is a replay of somebody who listened.
WEBHOOK_AGE_SECONDS = 300


class _Batch(msgspec.Struct):
    events: list[Report]


class _Health(msgspec.Struct):
    state: str


class _Refusal(msgspec.Struct):
    error: str


class _Response(NamedTuple):
    status: int
    body: bytes


class TestGateway:
    """PaymentGateway over the test gateway."""

    name = "test-gateway"

    def __init__(self, settings: Settings) -> None:
        self._webhook_key = settings.secrets.gateway_webhook_key
        self._url = settings.gateway_url.rstrip("/")
        self._key = settings.secrets.gateway_key
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

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
        return None if response.status == HTTPStatus.NOT_FOUND else _read(response, Payment)

    async def cancel(self, charge: Charge) -> Payment:
        path = f"/v1/payments/{charge.reference}/cancel"
        return _read(await self._ask("POST", path, CANCEL_SECONDS), Payment)

    async def operate(self, charge: Charge, kind: OperationKind, amount: int, key: str) -> Receipt:
        path = f"/v1/payments/{charge.reference}/{kind}"
        response = await self._ask("POST", path, TAKE_SECONDS, {"amount": amount, "key": key})
        if response.status == HTTPStatus.CONFLICT:
            raise OperationRefused(_read(response, _Refusal, status=HTTPStatus.CONFLICT).error)
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

    async def _ask(self, method: str, path: str, seconds: float, body: object | None = None) -> _Response:
        content = msgspec.json.encode(body) if body is not None else None
        try:
            async with (
                asyncio.timeout(seconds),
                self._open().request(
                    method, self._url + path, data=content, allow_redirects=False
                ) as response,
            ):
                return _Response(response.status, await response.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise GatewayAway(f"no connection to the gateway: {error!r}", sent=False) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise GatewayAway(f"no answer from the gateway: {error!r}", sent=True) from error

    def _open(self) -> aiohttp.ClientSession:
        """The session, made on first use: it belongs to the event loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A gateway that was replaced has another address at once.
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS, use_dns_cache=False
                ),
                headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _read(response: _Response, kind: type[T], *, status: int | None = None) -> T:
    if response.status // 100 != 2 and response.status != status:
        raise GatewayAway(f"the gateway answered {response.status}", sent=True)
    try:
        return msgspec.json.decode(response.body, type=kind)
    except msgspec.DecodeError as error:
        raise GatewayAway(f"the gateway's answer cannot be read: {error}", sent=True) from error
