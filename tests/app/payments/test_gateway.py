"""The test gateway's adapter: whatever the wire does, its caller learns that the gateway is away."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from threading import Thread
from types import SimpleNamespace
from typing import cast

import pytest
import uvloop

from app.core.settings import Settings
from app.payments import gateway as adapter
from app.payments.ports import Charge, GatewayAway

SHOPPERS = 50
CALLS_EACH = 60
RESET = struct.pack("ii", 1, 0)


@pytest.fixture
def resetting() -> Iterator[str]:
    """Takes every connection and resets it, as a machine does whose process was just killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=SHOPPERS)

    def reset_all() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()

    Thread(target=reset_all, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_connections_that_are_reset_as_soon_as_they_are_made_are_a_gateway_that_is_away(
    resetting: str,
) -> None:
    secrets = SimpleNamespace(gateway_key="key", gateway_webhook_key=b"key")
    settings = cast(Settings, SimpleNamespace(gateway_url=resetting, secrets=secrets))
    charge = Charge(reference="r", amount=100, currency="EUR", return_url="https://localhost/")

    async def pay_often() -> None:
        gateway = adapter.TestGateway(settings)

        async def pay() -> None:
            for _ in range(CALLS_EACH):
                with pytest.raises(GatewayAway):
                    await gateway.take(charge, "tok_ok", capture=True)

        try:
            await asyncio.gather(*[pay() for _ in range(SHOPPERS)])
        finally:
            await gateway.close()

    # The store's own event loop: what a reset looks like depends on it.
    uvloop.run(pay_often())
