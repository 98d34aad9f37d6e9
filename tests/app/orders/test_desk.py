"""Staff find an order, pack and send a part, and cancel the rest."""

from __future__ import annotations

import asyncpg
import httpx

from app.backoffice.roles import Role
from app.core.database import Database
from tests.app.backoffice.people import hire
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.processes import Process


async def test_an_order_is_packed_sent_and_its_rest_cancelled(
    client: httpx.Client, database: Database, owner: asyncpg.Connection, web: Process
) -> None:
    kim = await hire(database, web.url, Role.ORDERS, name="Kim")
    cart = fill_cart(client, (await make_variant(owner), 3))
    number = check_out(client, cart).json()["order"]["number"]
    assert f'/orders/{number}"' in kim.page(f"/orders?search={number}")
    assert f'/orders/{number}"' not in kim.page(f"/orders?search={number}&chosen=shipped")
    path = f"/orders/{number}"
    kim.page(path)
    assert kim.send(f"{path}/parcels", **{"location": 1, "units-1": 2}).status_code == 303
    assert "Packing slip" in kim.page(f"{path}/parcels/1")
    wrong = kim.send(f"{path}/parcels/1/ship", tracking_url="javascript:alert(1)")
    assert wrong.status_code == 422
    assert kim.send(f"{path}/parcels/1/ship", carrier="DHL", tracking_number="4711").status_code == 303
    assert kim.send(f"{path}/parcels/1/ship").status_code == 409
    assert kim.send(f"{path}/cancel", **{"reason": "sold out", "units-1": 0}).status_code == 303
    page = kim.page(path)
    assert "sold out" in page
    assert "Credit note" in page
    assert kim.email in page
    helper = await hire(database, web.url, Role.SUPPORT, name="Sam")
    assert helper.send(f"{path}/cancel", reason="mine").status_code == 403
