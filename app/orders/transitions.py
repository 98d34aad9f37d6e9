"""What may become of an order: one table, which the code, the tests and docs/orders.md follow.

`python -m app.orders.transitions > docs/orders.md` writes the document.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import NamedTuple

from app.core.problems import Problem


class OrderState(StrEnum):
    """Where an order is."""

    PAYMENT_PENDING = "payment_pending"
    PAYMENT_FAILED = "payment_failed"
    CONFIRMED = "confirmed"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """What is done with an order."""

    CONFIRM = "confirm"
    FAIL = "fail"
    SHIP = "ship"
    DELIVER = "deliver"
    CANCEL = "cancel"


class Case(StrEnum):
    """How the order's units are after the verb."""

    ANY = "always"
    LEFT = "units are left to be sent"
    NOTHING_SENT = "no unit is left and none was sent"
    UNDER_WAY = "no unit is left and a parcel is under way"
    ARRIVED = "no unit is left and every parcel has arrived"


class Transition(NamedTuple):
    source: OrderState
    verb: Verb
    case: Case
    target: OrderState


_S, _V, _C = OrderState, Verb, Case

TABLE = (
    Transition(_S.PAYMENT_PENDING, _V.CONFIRM, _C.ANY, _S.CONFIRMED),
    Transition(_S.PAYMENT_PENDING, _V.FAIL, _C.ANY, _S.PAYMENT_FAILED),
    Transition(_S.CONFIRMED, _V.SHIP, _C.LEFT, _S.PARTIALLY_SHIPPED),
    Transition(_S.CONFIRMED, _V.SHIP, _C.UNDER_WAY, _S.SHIPPED),
    Transition(_S.CONFIRMED, _V.CANCEL, _C.LEFT, _S.CONFIRMED),
    Transition(_S.CONFIRMED, _V.CANCEL, _C.NOTHING_SENT, _S.CANCELLED),
    Transition(_S.PARTIALLY_SHIPPED, _V.SHIP, _C.LEFT, _S.PARTIALLY_SHIPPED),
    Transition(_S.PARTIALLY_SHIPPED, _V.SHIP, _C.UNDER_WAY, _S.SHIPPED),
    Transition(_S.PARTIALLY_SHIPPED, _V.DELIVER, _C.LEFT, _S.PARTIALLY_SHIPPED),
    Transition(_S.PARTIALLY_SHIPPED, _V.CANCEL, _C.LEFT, _S.PARTIALLY_SHIPPED),
    Transition(_S.PARTIALLY_SHIPPED, _V.CANCEL, _C.UNDER_WAY, _S.SHIPPED),
    Transition(_S.PARTIALLY_SHIPPED, _V.CANCEL, _C.ARRIVED, _S.DELIVERED),
    Transition(_S.SHIPPED, _V.DELIVER, _C.UNDER_WAY, _S.SHIPPED),
    Transition(_S.SHIPPED, _V.DELIVER, _C.ARRIVED, _S.DELIVERED),
)

FIRST = OrderState.PAYMENT_PENDING


def allowed_verbs(state: OrderState) -> list[Verb]:
    """What may be done with an order in this state."""
    return list(dict.fromkeys(row.verb for row in TABLE if row.source is state))


def check(state: OrderState, verb: Verb) -> None:
    """Refuse what the table does not hold: Problem 409 with the state, the verb and what is allowed."""
    if verb not in allowed_verbs(state):
        raise refusal(state, verb)


def find_target(state: OrderState, verb: Verb, case: Case) -> OrderState:
    """The state after the verb. Raises Problem 409 when there is none."""
    for row in TABLE:
        if row.source is state and row.verb is verb and row.case in (Case.ANY, case):
            return row.target
    raise refusal(state, verb)


def find_case(left: int, sent: int, under_way: int) -> Case:
    """Of units to be sent, fulfilments sent, and those of them that have not arrived."""
    if left:
        return Case.LEFT
    if not sent:
        return Case.NOTHING_SENT
    return Case.UNDER_WAY if under_way else Case.ARRIVED


def refusal(state: OrderState, verb: Verb) -> Problem:
    """The answer to a verb that the state does not allow."""
    allowed = [str(one) for one in allowed_verbs(state)]
    targets = sorted({str(row.target) for row in TABLE if row.verb is verb})
    offer = f"allowed are: {', '.join(allowed)}" if allowed else "nothing can be done with it any more"
    return Problem(
        409,
        "illegal-transition",
        "The order does not allow this",
        f"The order is {state}, so it cannot {verb} (to {' or '.join(targets)}); {offer}.",
        state=str(state),
        verb=str(verb),
        targets=targets,
        allowed=allowed,
    )


def render_document() -> str:
    """docs/orders.md."""
    rows = [f"| `{row.source}` | {row.verb} | {row.case} | `{row.target}` |" for row in TABLE]
    ends = [f"`{state}`" for state in OrderState if not allowed_verbs(state)]
    arrows = dict.fromkeys((row.source, row.verb, row.target) for row in TABLE)
    diagram = [f"    {source} --> {target}: {verb}" for source, verb, target in arrows]
    return "\n".join(
        [
            "# Orders: what may become of them",
            "",
            "Written by `python -m app.orders.transitions`; a test holds it in step with the code.",
            "",
            f"An order begins as `{FIRST}`; it ends as {', '.join(ends)}. Whatever the table does not hold is"
            " refused with 409 `illegal-transition`, which names the state, the verb and what is allowed.",
            "",
            "| from | verb | when afterwards | to |",
            "|---|---|---|---|",
            *rows,
            "",
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {FIRST}",
            *diagram,
            "```",
            "",
        ]
    )


if __name__ == "__main__":
    sys.stdout.write(render_document())
