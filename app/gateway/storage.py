"""Payments and the events still to be delivered, in one SQLite file that survives a kill at any moment."""

from __future__ import annotations

import secrets
import sqlite3
import time
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    id TEXT PRIMARY KEY,
    reference TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    return_url TEXT NOT NULL,
    reason TEXT,
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    send_at REAL
) STRICT;
CREATE INDEX IF NOT EXISTS events_to_send ON events (send_at) WHERE send_at IS NOT NULL;
"""

Row = dict[str, Any]

# Webhooks are tried for about a day, ever more slowly.
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 3600.0
MOST_ATTEMPTS = 36


class Storage:
    """Every method is one transaction; each change of a payment's state records its event with it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "gateway.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # WAL with NORMAL loses nothing when the process dies, and spares a disk flush per payment.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)

    def close(self) -> None:
        self._db.close()

    def create(
        self,
        reference: str,
        state: str,
        *,
        amount: int,
        currency: str,
        return_url: str = "",
        reason: str | None = None,
    ) -> Row:
        """Make the payment, or return the one that has this reference already."""
        payment_id = f"pay_{secrets.token_urlsafe(16)}"
        now = time.time()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            made = self._db.execute(
                "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO NOTHING",
                (payment_id, reference, state, amount, currency, return_url, reason, now),
            )
            if made.rowcount:
                self._record(payment_id, state, now)
            row = self._db.execute("SELECT * FROM payments WHERE reference = ?", (reference,)).fetchone()
        return dict(row)

    def find(self, reference: str) -> Row | None:
        return self._one("SELECT * FROM payments WHERE reference = ?", reference)

    def find_by_id(self, payment_id: str) -> Row | None:
        return self._one("SELECT * FROM payments WHERE id = ?", payment_id)

    def settle(self, payment_id: str, state: str, reason: str | None = None) -> None:
        """Move a payment that waits for its shopper to a final state; any other stays as it is."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            changed = self._db.execute(
                "UPDATE payments SET state = ?, reason = ? WHERE id = ? AND state = 'requires_action'",
                (state, reason, payment_id),
            )
            if changed.rowcount:
                self._record(payment_id, state, time.time())

    def events_to_send(self, most: int) -> list[Row]:
        """The oldest events whose time has come, each with the payment as it was then."""
        rows = self._db.execute(
            "SELECT e.id AS event_id, e.state AS event_state, e.created_at AS event_at, e.attempts, p.*"
            " FROM events e JOIN payments p ON p.id = e.payment_id"
            " WHERE e.send_at <= ? ORDER BY e.send_at LIMIT ?",
            (time.time(), most),
        )
        return [dict(row) for row in rows]

    def mark_sent(self, event_ids: list[str]) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(
                "UPDATE events SET send_at = NULL WHERE id = ?", [(one,) for one in event_ids]
            )

    def mark_failed(self, events: list[Row]) -> None:
        """Try these later, after twice the wait of the time before; give up after a day."""
        now = time.time()
        later = []
        for event in events:
            attempts = event["attempts"] + 1
            wait = min(FIRST_RETRY_SECONDS * 2**attempts, LONGEST_RETRY_SECONDS)
            later.append((attempts, None if attempts >= MOST_ATTEMPTS else now + wait, event["event_id"]))
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("UPDATE events SET attempts = ?, send_at = ? WHERE id = ?", later)

    def _record(self, payment_id: str, state: str, now: float) -> None:
        self._db.execute(
            "INSERT INTO events (id, payment_id, state, created_at, send_at) VALUES (?, ?, ?, ?, ?)",
            (f"evt_{secrets.token_urlsafe(12)}", payment_id, state, now, now),
        )

    def _one(self, sql: str, value: str) -> Row | None:
        row = self._db.execute(sql, (value,)).fetchone()
        return dict(row) if row else None
