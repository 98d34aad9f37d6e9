"""Tells the store about payments: signed batches, repeated until the store accepts them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import random
import time
from collections.abc import Callable
from typing import Any

import httpx

from app.gateway.faults import Drill, hits
from app.gateway.storage import Row, Storage

Describe = Callable[[Row], dict[str, Any]]

log = logging.getLogger("gateway")

# One request tells about many payments: under load that is a fraction of the traffic of one each.
BATCH = 100
PAUSE_SECONDS = 0.25


def sign(key: bytes, body: bytes, now: int) -> str:
    """The `Gateway-Signature` header: HMAC-SHA256 over "<unix time>.<body>"."""
    digest = hmac.new(key, str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


def encode_events(events: list[Row], describe: Describe) -> bytes:
    """The body of one webhook request."""
    listed = [
        {
            "id": event["event_id"],
            "type": f"payment.{event['kind'] or event['event_state']}",
            "created_at": event["event_at"],
            "payment": describe({**event, "state": event["event_state"]}),
            "receipt": _receipt(event),
        }
        for event in events
    ]
    return json.dumps({"events": listed}).encode()


def _receipt(event: Row) -> Row | None:
    if event["operation_id"] is None:
        return None
    known = {name: event[name] for name in ("key", "kind")}
    return {"id": event["operation_id"], "amount": event["operation_amount"], **known}


class Courier:
    """Delivers what is due, unless a drill loses, repeats, delays or reorders it."""

    def __init__(self, storage: Storage, url: str, key: bytes, describe: Describe, drill: Drill) -> None:
        self.storage, self.url, self.key = storage, url, key
        self.describe, self.drill = describe, drill

    async def run(self) -> None:
        """Send for ever."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while True:
                try:
                    await self._deliver_due(client)
                except Exception:
                    # A loop that ends here would keep silent about every payment until the next start.
                    log.exception("webhooks were not delivered")
                await asyncio.sleep(PAUSE_SECONDS)

    async def _deliver_due(self, client: httpx.AsyncClient) -> None:
        events = self.storage.events_to_send(BATCH)
        if not events:
            return
        faults = self.drill.faults
        await asyncio.sleep(faults.delay_webhooks_ms / 1000)
        told = [event for event in events if not hits(faults.drop_webhooks)]
        told += [event for event in told if hits(faults.duplicate_webhooks)]
        if faults.reorder_webhooks:
            random.shuffle(told)
        body = encode_events(told, self.describe)
        if not told or await _post(client, self.url, body, sign(self.key, body, int(time.time()))):
            self.storage.mark_sent([event["event_id"] for event in events])
        else:
            self.storage.mark_failed(events)


async def _post(client: httpx.AsyncClient, url: str, body: bytes, signature: str) -> bool:
    headers = {"Content-Type": "application/json", "Gateway-Signature": signature}
    try:
        response = await client.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        log.warning("webhook not delivered: %r", error)
        return False
    if not response.is_success:
        log.warning("webhook refused with status %s", response.status_code)
    return response.is_success
