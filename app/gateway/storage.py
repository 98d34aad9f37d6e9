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
    created_at REAL NOT NULL,
    -- Whether the money is taken as soon as the shopper approves.
    capture INTEGER NOT NULL DEFAULT 1
) STRICT;
-- What the store had done with a payment; one key is carried out once.
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    created_at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS operations_of_payment ON operations (payment_id);
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY,
    payment_id TEXT NOT NULL REFERENCES payments,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    send_at REAL,
    operation_id TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS events_to_send ON events (send_at) WHERE send_at IS NOT NULL;
"""

# Columns that a file of an earlier version lacks.
ADDED = {"payments": "capture INTEGER NOT NULL DEFAULT 1", "events": "operation_id TEXT"}

Row = dict[str, Any]

# Webhooks are tried for about a day, ever more slowly.
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 3600.0
MOST_ATTEMPTS = 36


class RefusedError(Exception):
    """The payment has no room for the operation."""


class Storage:
    """Every method is one transaction; each change of a payment's state records its event with it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "gateway.sqlite3", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # WAL with NORMAL loses nothing when the process dies, and spares a disk flush per payment.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)
        for table, column in ADDED.items():
            known = {row["name"] for row in self._db.execute(f"PRAGMA table_info({table})")}
            if column.split()[0] not in known:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {column}")

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
        capture: bool = True,
    ) -> Row:
        """Make the payment, or return the one that has this reference already."""
        payment_id = f"pay_{secrets.token_urlsafe(16)}"
        now = time.time()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            made = self._db.execute(
                "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reference) DO NOTHING",
                (payment_id, reference, state, amount, currency, return_url, reason, now, capture),
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
            "SELECT e.id AS event_id, e.state AS event_state, e.created_at AS event_at, e.attempts,"
            " o.id AS operation_id, o.key, o.kind, o.amount AS operation_amount, p.*"
            " FROM events e JOIN payments p ON p.id = e.payment_id"
            " LEFT JOIN operations o ON o.id = e.operation_id"
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

    def operate(self, reference: str, kind: str, amount: int, key: str) -> Row:
        """Carry out a capture, refund or void, or return the one that has this key already.

        Raises RefusedError when the payment has no room for it.
        """
        now = time.time()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = self._one("SELECT * FROM operations WHERE key = ?", key)
            if known is not None:
                if (known["kind"], known["amount"]) != (kind, amount):
                    raise RefusedError(f"the key {key!r} came with another operation")
                return known
            payment = self.find(reference)
            if payment is None:
                raise RefusedError(f"there is no payment {reference!r}")
            room = self._room(payment, kind)
            if amount > room:
                raise RefusedError(f"a {kind} of {amount} is wanted, {room} is left")
            row = {"id": f"{kind[:3]}_{secrets.token_urlsafe(12)}", "payment_id": payment["id"], "key": key}
            row |= {"kind": kind, "amount": amount, "created_at": now}
            self._db.execute(
                "INSERT INTO operations VALUES (:id, :payment_id, :key, :kind, :amount, :created_at)", row
            )
            self._record(payment["id"], payment["state"], now, row["id"])
        return row

    def totals(self, payment: Row) -> dict[str, int]:
        """What of the payment is authorized, captured, refunded and voided."""
        done: dict[str, int] = dict(
            self._db.execute(
                "SELECT kind, sum(amount) FROM operations WHERE payment_id = ? GROUP BY kind",
                (payment["id"],),
            ).fetchall()
        )
        at_once = payment["amount"] if payment["state"] == "captured" else 0
        return {
            "authorized": payment["amount"] if payment["state"] in ("authorized", "captured") else 0,
            "captured": at_once + done.get("capture", 0),
            "refunded": done.get("refund", 0),
            "voided": done.get("void", 0),
        }

    def _room(self, payment: Row, kind: str) -> int:
        totals = self.totals(payment)
        if kind == "refund":
            return totals["captured"] - totals["refunded"]
        return totals["authorized"] - totals["captured"] - totals["voided"]

    def _record(self, payment_id: str, state: str, now: float, operation_id: str | None = None) -> None:
        self._db.execute(
            "INSERT INTO events (id, payment_id, state, created_at, send_at, operation_id)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (f"evt_{secrets.token_urlsafe(12)}", payment_id, state, now, now, operation_id),
        )

    def _one(self, sql: str, value: str) -> Row | None:
        row = self._db.execute(sql, (value,)).fetchone()
        return dict(row) if row else None
