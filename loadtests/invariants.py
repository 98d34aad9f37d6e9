"""What must be true of the store after a run, whatever the load: nothing lost, doubled or oversold."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from loadtests.objectives import Verdict
from loadtests.stack import Stack

# A payment that waits for its shopper keeps its order pending; the others are settled within this.
SETTLE_SECONDS = 60
STATES = "SELECT state, count(*) FROM orders WHERE settle_at < now() GROUP BY state"


def check_invariants(stack: Stack, confirmed: Sequence[tuple[str, int]]) -> list[Verdict]:
    """The store's own ledgers, and the orders that shoppers were shown against those in the database."""
    _await_settlement(stack)
    return [_reconcile(stack), _compare(stack, confirmed)]


def _await_settlement(stack: Stack) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while _query(stack, STATES) and time.monotonic() < deadline:
        time.sleep(1)


def _reconcile(stack: Stack) -> Verdict:
    try:
        stack.run("worker", ["python", "-m", "app", "reconcile"])
    except RuntimeError as error:
        return Verdict("ledgers balance", "app reconcile finds nothing", str(error)[-2000:], held=False)
    return Verdict("ledgers balance", "app reconcile finds nothing", "nothing", held=True)


def _compare(stack: Stack, confirmed: Sequence[tuple[str, int]]) -> Verdict:
    """Every order confirmed to a shopper is in the database once, with that total, and stands."""
    wanted = Counter({number: 0 for number, _ in confirmed})
    wanted.update(number for number, _ in confirmed)
    rows = [line.split("|") for line in _query(stack, "SELECT number, total, state FROM orders")]
    known = {number: (int(total), state) for number, total, state in rows}
    faults = [f"{number} was confirmed to {times} shoppers" for number, times in wanted.items() if times > 1]
    for number, total in confirmed:
        if number not in known:
            faults.append(f"{number} is lost")
        elif known[number][0] != total:
            faults.append(f"{number} is {known[number][0]} in the database, {total} to its shopper")
        elif known[number][1] in {"payment_pending", "payment_failed"}:
            faults.append(f"{number} is {known[number][1]}")
    measured = "; ".join(faults[:10]) if faults else f"all {len(confirmed):,}"
    return Verdict("orders confirmed to shoppers", "stand in the database once", measured, held=not faults)


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
