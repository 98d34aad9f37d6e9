"""Revisions as PostgreSQL's own parser sees them: what alembic would send, statement by statement.

A waiver is a comment above a statement or in it:
`-- lint: allow rename, drop: no version reads it since 2.3`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import postgast
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from google.protobuf.json_format import MessageToDict

WAIVER: Final = re.compile(r"--[ \t]*lint:[ \t]*allow (?P<rules>[\w, -]*)(?::(?P<reason>.*))?$", re.M)


class UnreadableError(Exception):
    """A revision that cannot be judged; the message says why and what would do."""


@dataclass
class Waiver:
    rules: tuple[str, ...]
    reason: str
    used: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Statement:
    """One statement of a revision: its kind and tree, as PostgreSQL's parser names them, and its line."""

    kind: str
    node: dict[str, Any]
    line: int
    in_transaction: bool
    waivers: tuple[Waiver, ...]


def render(script: Script) -> str:
    """The SQL of a revision as alembic sends it, with BEGIN and COMMIT. Raises UnreadableError."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql",
        opts={"as_sql": True, "output_buffer": written, "transaction_per_migration": True},
    )
    with context.begin_transaction(_per_migration=True), Operations.context(context):
        try:
            script.module.upgrade()
        # Whatever it is: the code under judgement is anyone's.
        except Exception as error:
            raise UnreadableError(
                f"cannot be written as SQL without a database ({error}): a migration only sends statements, "
                "it does not ask"
            ) from error
    return written.getvalue()


def parse(sql: str, source: str) -> Iterator[Statement]:
    """The statements of rendered SQL; lines are those of the migration's source. Raises UnreadableError."""
    try:
        tree = postgast.parse(sql)
    except postgast.PgQueryError as error:
        raise UnreadableError(f"is no SQL to PostgreSQL's parser: {error}") from error
    encoded = sql.encode()
    in_transaction = False
    searched_from = 0
    begin = 0
    for raw in tree.stmts:
        end = raw.stmt_location + raw.stmt_len if raw.stmt_len else len(encoded)
        # The parser begins a statement behind its comments.
        text = encoded[begin:end].decode()
        begin = end + 1
        [(kind, node)] = MessageToDict(raw.stmt).items()
        if kind == "TransactionStmt":
            in_transaction = node["kind"] == "TRANS_STMT_BEGIN"
            continue
        found = source.find(_first_line(text), searched_from)
        searched_from = max(found, searched_from)
        line = source.count("\n", 0, max(found, 0)) + 1
        yield Statement(kind, node, line, in_transaction, tuple(_read_waivers(text)))


def _first_line(text: str) -> str:
    """What of a statement is looked for in the source: its first line that is not a comment."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("--")), text)


def _read_waivers(text: str) -> Iterator[Waiver]:
    for match in WAIVER.finditer(text):
        names = tuple(name.strip() for name in match["rules"].split(",") if name.strip())
        yield Waiver(names, (match["reason"] or "").strip())
