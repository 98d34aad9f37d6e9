"""What must be true of the store after a run, whatever the load: nothing lost, doubled or oversold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from loadtests.objectives import Verdict
from loadtests.recording import Confirmed
from loadtests.stack import Stack

# A payment that waits for its shopper keeps its order pending; the others are settled within this.
SETTLE_SECONDS = 60
STATES = "SELECT state, count(*) FROM orders WHERE settle_at < now() GROUP BY state"
# Not orders to a shopper who was told that theirs is one.
UNPAID = {"payment_pending", "payment_failed"}
# So many faults are named; one is enough to fail the run.
MOST_NAMED = 10
# Characters of what `app reconcile` found.
MOST_SAID = 2000


class Order(NamedTuple):
    """An order as it stands in the database."""

    number: str
    total: int
    state: str
    email: str


def check_invariants(stack: Stack, confirmed: Sequence[Confirmed]) -> list[Verdict]:
    """The store's own ledgers, and the orders that shoppers were shown against those in the database."""
    _await_settlement(stack)
    rows = (
        line.rsplit("|", 3) for line in _query(stack, "SELECT number, total, state, lower(email) FROM orders")
    )
    orders = [Order(number, int(total), state, email) for number, total, state, email in rows]
    return [_reconcile(stack), compare(confirmed, orders)]


def compare(confirmed: Sequence[Confirmed], orders: Iterable[Order]) -> Verdict:
    """Every order confirmed to a shopper stands in the database, once, with its total."""
    known = {order.number: order for order in orders}
    placed = Counter(order.email for order in known.values() if order.state not in UNPAID)
    shown = Counter(number for number, _, _ in confirmed)
    faults = [f"{number} was confirmed to {times} shoppers" for number, times in shown.items() if times > 1]
    for number, total, email in confirmed:
        order = known.get(number)
        if order is None:
            faults.append(f"{number} is lost")
        elif order.total != total:
            faults.append(f"{number} is {order.total} in the database, {total} to its shopper")
        elif order.state in UNPAID:
            faults.append(f"{number} is {order.state}")
        if placed[email.lower()] > 1:
            faults.append(f"{number} was placed {placed[email.lower()]} times")
    more = [f"and {len(faults) - MOST_NAMED} more"] if len(faults) > MOST_NAMED else []
    measured = "; ".join(faults[:MOST_NAMED] + more) or f"all {len(confirmed):,}"
    return Verdict(
        "orders confirmed to shoppers",
        "stand in the database once",
        measured,
        held=not faults,
        invariant=True,
    )


def _await_settlement(stack: Stack) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while _query(stack, STATES) and time.monotonic() < deadline:
        time.sleep(1)


def _reconcile(stack: Stack) -> Verdict:
    found = ""
    try:
        stack.run("worker", ["python", "-m", "app", "reconcile"])
    except RuntimeError as error:
        # What is in order is not worth the reader's time.
        off = [line for line in str(error).splitlines() if not line.startswith("ok ")]
        found = "\n".join(off)[:MOST_SAID]
    return Verdict(
        "ledgers balance",
        "app reconcile finds nothing",
        found or "nothing",
        held=not found,
        invariant=True,
    )


def _query(stack: Stack, sql: str) -> list[str]:
    command = [
        "psql",
        "--username",
        "postgres",
        "--dbname",
        "store",
        "--tuples-only",
        "--no-align",
        "--command",
        sql,
    ]
    return [line for line in stack.run("database", command).splitlines() if line]
