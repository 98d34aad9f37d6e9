"""Moves orders on: fulfil, ship, deliver, cancel. Each verb is one transaction under the order's lock.

Whoever comes second finds the order as the first left it, and is refused by the transition table. Money moves
after the commit, by a job that commits with the change (`app.orders.money`).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from app.core.database import Connection, Database
from app.core.problems import NotFound, Problem
from app.giftcards import sales
from app.inventory import service as inventory
from app.orders import invoices
from app.orders import workflow_queries as queries
from app.orders.transitions import OrderState, Verb, check, find_case, find_target
from app.shipping import shipments

# Units by the position of their line.
Units = Mapping[int, int]
SHOPPER = "shopper"
CARRIER = "carrier"


class Tracking(NamedTuple):
    """How a parcel goes; all may be empty."""

    carrier: str = ""
    number: str = ""
    url: str = ""


async def fulfil(
    connection: Connection, order_id: int, *, location: int, units: Units | None = None, actor: str
) -> int:
    """Set aside units that the order has reserved at the location; all of them by default.

    Returns the fulfilment's id. Raises Problem.
    """
    order = await lock(connection, order_id)
    check(OrderState(order["state"]), Verb.SHIP)
    places = await connection.fetch(queries.PLACES, order_id)
    there = {row["position"]: row["quantity"] for row in places if row["location_id"] == location}
    wanted = dict(units) if units is not None else there
    _check_units(wanted, there, f"reserved at location {location} for order {order['number']}")
    columns = inventory.columns(sorted(wanted.items()), 2)
    made: int = await connection.fetchval(queries.FULFIL, order_id, location, actor, *columns)
    return made


async def ship(
    connection: Connection, fulfilment_id: int, *, tracking: Tracking | None = None, actor: str
) -> OrderState:
    """The fulfilment has left the house: stock, state, invoice, mail and capture follow. Raises Problem.

    Gift cards of it come into being.

    It goes by the labels that were bought for it, without any by `tracking`.
    """
    order, fulfilment = await lock_fulfilment(connection, fulfilment_id, "open")
    check(OrderState(order["state"]), Verb.SHIP)
    rows = await connection.fetch(queries.FULFILMENT_UNITS, fulfilment_id)
    units = [(row["variant_id"], row["quantity"]) for row in rows]
    await inventory.ship(connection, order["id"], units, location=fulfilment["location_id"], actor=actor)
    way = await _find_way(connection, order, fulfilment, tracking or Tracking())
    await connection.execute(queries.SHIP, fulfilment_id, *way)
    state = await _enter(connection, order, Verb.SHIP, f"parcel {fulfilment['number']} sent", actor)
    await invoices.issue_invoice(connection, order["id"])
    data: dict[str, Any] = {"fulfilment": fulfilment["number"]}
    cards = await sales.issue_sent(connection, order, fulfilment_id, actor=actor)
    if cards:
        told = {**data, "cards": msgspec.to_builtins(cards)}
        await add_mail(connection, order["id"], "gift_card", f"gift_card:{fulfilment_id}", told)
    if len(cards) < sum(count for _, count in units):
        await add_mail(connection, order["id"], "shipping", f"shipping:{fulfilment_id}", data)
    await connection.execute(queries.DEFER_MONEY, order["id"])
    if await shipments.have_arrived(connection, fulfilment_id):
        # The carrier was quicker than whoever says that it left.
        state = await deliver(connection, fulfilment_id, actor=CARRIER)
    return state


async def deliver(connection: Connection, fulfilment_id: int, *, actor: str) -> OrderState:
    """The fulfilment has arrived. Raises Problem."""
    order, fulfilment = await lock_fulfilment(connection, fulfilment_id, "shipped")
    check(OrderState(order["state"]), Verb.DELIVER)
    await connection.execute(queries.DELIVER, fulfilment_id)
    await shipments.mark_arrived(connection, fulfilment_id)
    return await _enter(connection, order, Verb.DELIVER, f"parcel {fulfilment['number']} arrived", actor)


async def drop(connection: Connection, fulfilment_id: int) -> None:
    """Undo an open fulfilment and its labels: its units stay reserved for the order. Raises Problem."""
    await lock_fulfilment(connection, fulfilment_id, "open")
    await connection.execute(queries.DROP, fulfilment_id)
    await shipments.cancel_labels(connection, [fulfilment_id])


async def cancel(
    connection: Connection, order_id: int, *, units: Units | None = None, reason: str, actor: str
) -> OrderState:
    """Cancel units that have not been sent, all of them by default, which drops open fulfilments too.

    Their stock is available again; what was paid for them is given back. Raises Problem.
    """
    order = await lock(connection, order_id)
    check(OrderState(order["state"]), Verb.CANCEL)
    if units is None:
        dropped = await connection.fetch(queries.DROP_OPEN, order_id)
        await shipments.cancel_labels(connection, [row["id"] for row in dropped])
    lines = await connection.fetch(queries.LINES, order_id)
    free = {row["position"]: row["quantity"] - row["cancelled"] - row["sent"] - row["open"] for row in lines}
    wanted = dict(units) if units is not None else {position: left for position, left in free.items() if left}
    _check_units(wanted, free, f"neither sent nor being packed of order {order['number']}")
    variants = {row["position"]: row["variant_id"] for row in lines}
    await inventory.release(
        connection, order_id, [(variants[position], count) for position, count in sorted(wanted.items())]
    )
    await connection.execute(queries.CANCEL_UNITS, order_id, *inventory.columns(sorted(wanted.items()), 2))
    state = await _enter(connection, order, Verb.CANCEL, reason, actor)
    await invoices.issue_credit_note(connection, order_id, wanted, nothing_left=state is OrderState.CANCELLED)
    cancelled = sum(row["cancelled"] for row in lines) + sum(wanted.values())
    data = {"reason": reason, "units": {str(position): count for position, count in wanted.items()}}
    await add_mail(connection, order_id, "cancellation", f"cancellation:{order_id}:{cancelled}", data)
    await connection.execute(queries.DEFER_MONEY, order_id)
    return state


async def cancel_for_shopper(database: Database, number: str, token: str) -> OrderState:
    """The buyer cancels the whole order while nothing of it has been sent. Raises Problem."""
    row = None if "\0" in number else await database.fetchrow(queries.ID_OF_NUMBER, number)
    if row is None or not hmac.compare_digest(row["token"].encode(), token.encode()):
        raise NotFound("There is no such order, or its token is wrong.")
    async with database.transaction() as connection:
        order = await lock(connection, row["id"])
        if order["state"] == OrderState.PARTIALLY_SHIPPED:
            raise Problem(
                409,
                "already-sent",
                "A part is on its way",
                f"A part of order {number} has been sent: ask the shop to cancel what is left.",
            )
        return await cancel(connection, row["id"], reason="cancelled by the buyer", actor=SHOPPER)


async def add_mail(
    connection: Connection, order_id: int, kind: str, key: str, data: Mapping[str, Any]
) -> None:
    """Have a mail sent once this transaction commits; the same key is sent once."""
    await connection.execute(queries.ADD_MAIL, order_id, kind, key, msgspec.json.encode(data).decode())


async def lock(connection: Connection, order_id: int) -> Mapping[str, Any]:
    """Let nobody else change the order in this transaction. Raises NotFound."""
    order: Mapping[str, Any] | None = await connection.fetchrow(queries.LOCK, order_id)
    if order is None:
        raise NotFound(f"There is no order with id {order_id}.")
    return order


async def lock_fulfilment(
    connection: Connection, fulfilment_id: int, state: str
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Lock its order and return both. Raises Problem when the fulfilment is in another state.

    The order is locked before anything is read: that must be what the holder before has committed.
    """
    order_id = await connection.fetchval(queries.ORDER_OF_FULFILMENT, fulfilment_id)
    if order_id is None:
        raise NotFound(f"There is no fulfilment {fulfilment_id}.")
    order = await lock(connection, order_id)
    fulfilment = await connection.fetchrow(queries.FULFILMENT, fulfilment_id)
    if fulfilment["state"] != state:
        raise Problem(
            409,
            "illegal-transition",
            "The parcel does not allow this",
            f"Parcel {fulfilment['number']} of order {order['number']} is {fulfilment['state']}: it must be"
            f" {state}. The order is {order['state']}.",
        )
    return order, fulfilment


async def _find_way(
    connection: Connection, order: Mapping[str, Any], fulfilment: Mapping[str, Any], given: Tracking
) -> Tracking:
    """How the fulfilment goes; what was typed by hand is written down for its tracking page."""
    labels = await shipments.read_labels(connection, fulfilment["id"])
    pending = [label for label in labels if label.state is shipments.ParcelState.BUYING]
    if pending:
        raise Problem(
            409,
            "label-pending",
            "A label is being bought",
            f"Parcel {fulfilment['number']} of order {order['number']} waits for {len(pending)} of its"
            f" {len(labels)} labels: try again in a minute, or undo the parcel.",
            retry_after=60,
        )
    if labels:
        numbers = ", ".join(label.tracking_number or "" for label in labels)
        return Tracking(labels[0].carrier, numbers, labels[0].tracking_url)
    if given.number:
        await shipments.ship_by_hand(
            connection,
            fulfilment_id=fulfilment["id"],
            order_id=order["id"],
            carrier=given.carrier,
            tracking_number=given.number,
            tracking_url=given.url,
        )
    return given


async def _enter(
    connection: Connection, order: Mapping[str, Any], verb: Verb, reason: str, actor: str
) -> OrderState:
    progress = await connection.fetchrow(queries.PROGRESS, order["id"])
    target = find_target(OrderState(order["state"]), verb, find_case(*progress))
    await connection.execute(queries.ENTER, order["id"], target, reason, actor)
    return target


def _check_units(wanted: Units, there: Units, where: str) -> None:
    if not wanted:
        raise Problem(409, "nothing-left", "Nothing is left", f"There are no units {where}.")
    for position, count in wanted.items():
        if not 1 <= count <= there.get(position, 0):
            raise Problem(
                409,
                "too-many-units",
                "There are not so many units",
                f"{count} units of line {position} are asked for: {there.get(position, 0)} are {where}.",
            )
