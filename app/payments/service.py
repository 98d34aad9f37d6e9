"""Takes in what the gateway reports: facts are kept once, and whatever waits for them is set to work."""

from __future__ import annotations

from app.core.database import Connection
from app.payments import queries
from app.payments.ports import Payment


async def record_report(connection: Connection, gateway: str, payments: list[Payment]) -> int:
    """Keep the facts and defer the settling of pending orders; repeated and late reports change nothing.

    Returns how many of the payments belong to orders of this store.
    """
    row = await connection.fetchrow(
        queries.RECORD,
        gateway,
        [payment.reference for payment in payments],
        [str(payment.state) for payment in payments],
        [payment.amount for payment in payments],
        [payment.id for payment in payments],
        [f"{payment.id}:{payment.state}" for payment in payments],
    )
    return int(row["known"]) if row else 0
