"""Mails in one SQLite file, the newest so many: older ones make room."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path
from threading import Lock

import msgspec

MOST_MAILS = 1000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    message_id TEXT NOT NULL,
    source BLOB NOT NULL
)
"""
_HEAD = "id, received_at, sender, recipients, subject, message_id"


class Head(msgspec.Struct):
    """A mail in the list; `recipients` parted by commas."""

    id: int
    received_at: str
    sender: str
    recipients: str
    subject: str
    message_id: str


class Mail(Head):
    """A mail as its reader sees it."""

    text: str
    html: str
    source: str


class Storage:
    """One connection, one user at a time: a sink has no crowd."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "mails.sqlite", check_same_thread=False)
        self._lock = Lock()
        # Without waiting for the disk at each mail: what a power cut takes was delivered nowhere anyway.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._lock, self._connection:
            self._connection.execute(_SCHEMA)

    def keep(self, sender: str, recipients: Sequence[str], source: bytes) -> None:
        """Add a mail; beyond MOST_MAILS the oldest goes."""
        # The bodies are left to whoever reads the mail.
        message = BytesHeaderParser(policy=policy.default).parsebytes(source)
        row = (
            sender,
            ", ".join(recipients),
            message.get("Subject", ""),
            message.get("Message-ID", ""),
            source,
        )
        with self._lock, self._connection:
            self._connection.execute(
                "INSERT INTO mails (sender, recipients, subject, message_id, source) VALUES (?, ?, ?, ?, ?)",
                row,
            )
            self._connection.execute(
                "DELETE FROM mails WHERE id <= (SELECT max(id) FROM mails) - ?", (MOST_MAILS,)
            )

    def list(self, recipient: str, limit: int) -> list[Head]:
        """Newest first; with a `recipient`, those that name it."""
        with self._lock:
            rows = self._connection.execute(
                f"SELECT {_HEAD} FROM mails WHERE instr(lower(recipients), lower(?))"  # noqa: S608
                " ORDER BY id DESC LIMIT ?",
                (recipient, limit),
            ).fetchall()
        return [Head(*row) for row in rows]

    def read(self, id: int) -> Mail | None:
        with self._lock:
            row = self._connection.execute(
                f"SELECT {_HEAD}, source FROM mails WHERE id = ?",  # noqa: S608
                (id,),
            ).fetchone()
        if row is None:
            return None
        head, source = Head(*row[:-1]), row[-1]
        message: EmailMessage = message_from_bytes(source, policy=policy.default)
        return Mail(
            **msgspec.structs.asdict(head),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            source=source.decode(errors="replace"),
        )

    def clear(self) -> None:
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM mails")


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
