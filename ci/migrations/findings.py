"""What each statement of a revision does to a store that is serving, by the rules.

A table made in the same revision is nobody's yet: whatever is done to it is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ci.migrations.statements import Statement

Node = dict[str, Any]

# The longest that a query may stand behind a migration's wait for a lock.
MOST_MILLISECONDS: Final = 5000
UNITS: Final = {"": 1, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000}

# The same for every row of an ADD COLUMN, so that PostgreSQL stores the value once.
STEADY: Final = frozenset(("now", "transaction_timestamp", "statement_timestamp", "current_database"))
SERIAL: Final = frozenset(
    f"{size}serial{width}" for size in ("", "big", "small") for width in ("", "2", "4", "8")
)

REWRITES: Final = frozenset(
    ("AT_SetLogged", "AT_SetUnLogged", "AT_SetTableSpace", "AT_SetAccessMethod", "AT_SetExpression")
)
# What else is done to a column, and the rule it breaks; setting a default breaks none.
COLUMN_RULES: Final = {
    "AT_DropColumn": "drop",
    "AT_AlterColumnType": "column-type",
    "AT_SetNotNull": "set-not-null",
    "AT_DropNotNull": "drop-not-null",
    "AT_ColumnDefault": "drop",
    "AT_AddIdentity": "rewriting-column",
}
# Renaming these changes no query's text.
RENAMED_FREELY: Final = frozenset(
    ("OBJECT_INDEX", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY", "OBJECT_ROLE")
)
# Statements that take no lock which stops reads or writes of a table.
LOCKLESS: Final = frozenset(
    ("InsertStmt", "SelectStmt", "CommentStmt", "CreateFunctionStmt", "VariableSetStmt", "GrantStmt")
)


@dataclass(frozen=True)
class Finding:
    """A breach of `rule` by the statement at `line`; `what` is the part of it."""

    rule: str
    line: int
    what: str


class Examination:
    """Reads the statements of one revision in their order, and keeps what later ones depend on."""

    def __init__(self, lock_timeout: str) -> None:
        self.initial = self.lock_timeout = read_milliseconds(lock_timeout)
        self.session_timeout = self.initial
        self.made: set[str] = set()
        self.locked: set[str] = set()
        self.removed_indexes: set[str] = set()
        self.dropped: dict[tuple[str, str], Statement] = {}
        self.was_in_transaction = False

    def examine(self, statements: Iterable[Statement]) -> Iterator[tuple[Statement, Finding]]:
        last = None
        for last in statements:
            if self.was_in_transaction and not last.in_transaction:
                self.locked.clear()
                self.lock_timeout = self.session_timeout
            self.was_in_transaction = last.in_transaction
            for rule, what in self._judge(last):
                yield last, Finding(rule, last.line, what)
        for (table, name), statement in self.dropped.items():
            yield statement, Finding("drop-constraint", statement.line, f"{table}: {name}")
        if last is not None and self.session_timeout != self.initial:
            yield last, Finding("no-lock-timeout", last.line, "lock_timeout is not set back at the end")

    def _judge(self, statement: Statement) -> Iterator[tuple[str, str]]:
        yield from self._judge_timeout(statement)
        judge = {
            "CreateStmt": self._judge_create,
            "CreateTableAsStmt": self._judge_create,
            "AlterTableStmt": self._judge_alter,
            "IndexStmt": self._judge_index,
            "DropStmt": self._judge_drop,
            "RenameStmt": self._judge_rename,
            "UpdateStmt": self._judge_rows,
            "DeleteStmt": self._judge_rows,
            "MergeStmt": self._judge_rows,
            "InsertStmt": self._judge_insert,
            "SelectStmt": self._judge_select,
            "TruncateStmt": self._judge_tables,
            "LockStmt": self._judge_tables,
        }.get(statement.kind)
        yield from judge(statement) if judge else judge_other(statement)

    def _judge_create(self, statement: Statement) -> Iterator[tuple[str, str]]:
        node = statement.node
        self.made.add(name_table(node["relation"] if "relation" in node else node["into"]["rel"]))
        yield from ()

    def _judge_rename(self, statement: Statement) -> Iterator[tuple[str, str]]:
        node = statement.node
        if node["renameType"] not in RENAMED_FREELY and not self._is_new(node.get("relation")):
            yield "rename", f"{node.get('subname') or name_object(node)} to {node['newname']}"

    def _judge_rows(self, statement: Statement) -> Iterator[tuple[str, str]]:
        if not self._is_new(statement.node["relation"]):
            yield "backfill", name_table(statement.node["relation"])

    def _judge_insert(self, statement: Statement) -> Iterator[tuple[str, str]]:
        # Rows that are written out are few.
        if "fromClause" in statement.node.get("selectStmt", {}).get("SelectStmt", {}):
            yield from self._judge_rows(statement)

    def _judge_tables(self, statement: Statement) -> Iterator[tuple[str, str]]:
        tables = [name_table(item["RangeVar"]) for item in statement.node["relations"]]
        if not self.made.issuperset(tables):
            yield "rewrite", f"{statement.kind.removesuffix('Stmt').upper()} {', '.join(tables)}"

    def _judge_timeout(self, statement: Statement) -> Iterator[tuple[str, str]]:
        node = statement.node
        if statement.kind == "VariableSetStmt":
            if node["kind"] == "VAR_RESET_ALL" or node.get("name", "").lower() == "lock_timeout":
                self.lock_timeout = _read_setting(node)
                if not node.get("is_local"):
                    self.session_timeout = self.lock_timeout
            return
        unbounded = self.lock_timeout == 0 or self.lock_timeout > MOST_MILLISECONDS
        if unbounded and statement.kind not in LOCKLESS and not _is_concurrent(statement):
            limit = f"{self.lock_timeout} ms" if self.lock_timeout else "none"
            yield "no-lock-timeout", f"lock_timeout is {limit} here"

    def _judge_alter(self, statement: Statement) -> Iterator[tuple[str, str]]:
        node = statement.node
        if node["objtype"] != "OBJECT_TABLE" or self._is_new(node["relation"]):
            return
        table = name_table(node["relation"])
        commands: list[Node] = [item["AlterTableCmd"] for item in node["cmds"]]
        for command in commands:
            for rule, what in self._judge_command(command, statement, table):
                yield rule, f"{table}: {what}" if what else table
        if statement.in_transaction and any(
            command["subtype"] != "AT_ValidateConstraint" for command in commands
        ):
            self.locked.add(table)

    def _judge_command(self, command: Node, statement: Statement, table: str) -> Iterator[tuple[str, str]]:
        name = command.get("name", "")
        subtype = command["subtype"]
        if subtype == "AT_AddColumn":
            yield from judge_column(command["def"]["ColumnDef"])
        elif subtype == "AT_AddConstraint":
            constraint = command["def"]["Constraint"]
            self.dropped.pop((table, constraint.get("conname", "")), None)
            yield from judge_constraint(constraint)
        elif subtype == "AT_DropConstraint":
            self.dropped[table, name] = statement
        elif subtype == "AT_ValidateConstraint":
            if table in self.locked:
                yield "validated-at-once", name
        elif subtype in REWRITES:
            yield "rewrite", subtype.removeprefix("AT_")
        elif subtype in COLUMN_RULES and not (subtype == "AT_ColumnDefault" and "def" in command):
            yield (
                COLUMN_RULES[subtype],
                f"{'default of ' if subtype == 'AT_ColumnDefault' else ''}column {name}",
            )

    def _judge_index(self, statement: Statement) -> Iterator[tuple[str, str]]:
        node = statement.node
        table, name = name_table(node["relation"]), node.get("idxname", "")
        what = f"{name or 'an index'} on {table}"
        if self._is_new(node["relation"]):
            return
        if not node.get("concurrent"):
            yield "index-not-concurrent", what
            return
        if statement.in_transaction:
            yield "concurrent-in-transaction", what
        if name not in self.removed_indexes:
            yield "not-repeatable", what

    def _judge_drop(self, statement: Statement) -> Iterator[tuple[str, str]]:
        node = statement.node
        kind = node["removeType"].removeprefix("OBJECT_")
        names = [_last_of(item) for item in node["objects"]]
        if kind == "TRIGGER" or (kind == "TABLE" and self.made.issuperset(names)):
            return
        if kind != "INDEX":
            yield "drop", f"{kind.lower()} {', '.join(names)}"
            return
        if not node.get("concurrent"):
            yield "drop-index-not-concurrent", ", ".join(names)
            return
        if statement.in_transaction:
            yield "concurrent-in-transaction", ", ".join(names)
        if node.get("missing_ok"):
            self.removed_indexes.update(names)
        else:
            yield "not-repeatable", ", ".join(names)

    def _judge_select(self, statement: Statement) -> Iterator[tuple[str, str]]:
        for item in statement.node.get("withClause", {}).get("ctes", []):
            for kind, query in item["CommonTableExpr"]["ctequery"].items():
                if kind in ("UpdateStmt", "DeleteStmt", "MergeStmt") and not self._is_new(query["relation"]):
                    yield "backfill", name_table(query["relation"])

    def _is_new(self, relation: Node | None) -> bool:
        return relation is not None and name_table(relation) in self.made


def judge_other(statement: Statement) -> Iterator[tuple[str, str]]:
    """What is judged by the statement alone."""
    node, kind = statement.node, statement.kind
    concurrent = node.get("concurrent") or "concurrently" in _options(node.get("params"))
    if kind in ("ReindexStmt", "RefreshMatViewStmt") and not concurrent:
        yield "rewrite", f"{kind.removesuffix('Stmt')} without CONCURRENTLY"
    elif kind == "ReindexStmt" and statement.in_transaction:
        yield "concurrent-in-transaction", "REINDEX"
    elif kind == "ClusterStmt" or (kind == "VacuumStmt" and "full" in _options(node.get("options"))):
        yield "rewrite", kind.removesuffix("Stmt").upper()
    elif kind == "AlterObjectSchemaStmt":
        yield "rename", f"{name_object(node)} to schema {node['newschema']}"
    elif kind == "AlterEnumStmt" and "oldVal" in node:
        yield "rename", f"{node['oldVal']} to {node['newVal']}"
    elif kind == "AlterDomainStmt" and node.get("subtype") in ("C", "O"):
        yield "validated-constraint", f"domain {_last(node['typeName'])}"
    elif kind == "DropdbStmt":
        yield "drop", f"database {node['dbname']}"
    elif kind == "DoStmt":
        yield "opaque", "a DO block"


def judge_column(column: Node) -> Iterator[tuple[str, str]]:
    """What adding this column does to the rows that are there, and to who does not know it."""
    name = column["colname"]
    constraints = {
        item["Constraint"]["contype"]: item["Constraint"] for item in column.get("constraints", [])
    }
    default = constraints.get("CONSTR_DEFAULT")
    generated = constraints.get("CONSTR_GENERATED")
    serial = _last(column["typeName"]["names"]) in SERIAL
    counted = serial or "CONSTR_IDENTITY" in constraints
    stored = generated is not None and generated.get("generated_kind") != "v"
    if counted or stored or (default and not _is_steady(default["raw_expr"])):
        yield "rewriting-column", name
    elif "CONSTR_NOTNULL" in constraints and not default:
        yield "required-column", name
    for kind, rule in (("CONSTR_UNIQUE", "unique-constraint"), ("CONSTR_PRIMARY", "unique-constraint")):
        if kind in constraints:
            yield rule, name
    # A reference of a column that starts as null everywhere is not checked against the rows.
    if "CONSTR_CHECK" in constraints or ("CONSTR_FOREIGN" in constraints and default):
        yield "validated-constraint", name


def judge_constraint(constraint: Node) -> Iterator[tuple[str, str]]:
    name = constraint.get("conname", "")
    match constraint["contype"]:
        case "CONSTR_CHECK" | "CONSTR_FOREIGN" | "CONSTR_NOTNULL" if not constraint.get("skip_validation"):
            yield "validated-constraint", name
        case "CONSTR_UNIQUE" | "CONSTR_PRIMARY" if "indexname" not in constraint:
            yield "unique-constraint", name
        case "CONSTR_EXCLUSION":
            yield "exclusion-constraint", name


def _is_steady(expression: Node) -> bool:
    """Whether a default is one value for all rows: it calls nothing but what is known to be."""
    calls = [call for call in _walk(expression) if "FuncCall" in call]
    return all(_last(call["FuncCall"]["funcname"]) in STEADY for call in calls)


def _walk(node: Any) -> Iterator[Node]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)


def _is_concurrent(statement: Statement) -> bool:
    concurrent = statement.node.get("concurrent") or "concurrently" in _options(statement.node.get("params"))
    return bool(concurrent) and not statement.in_transaction


def _read_setting(node: Node) -> int:
    """A new lock_timeout in ms; a default is the server's, which is none."""
    if node["kind"] != "VAR_SET_VALUE":
        return 0
    value = node["args"][0]["A_Const"]
    return read_milliseconds(
        value["sval"]["sval"] if "sval" in value else str(value.get("ival", {}).get("ival", 0))
    )


def read_milliseconds(text: str) -> int:
    """A duration as PostgreSQL takes it: `5s`, `500 ms`, `5000`."""
    match = re.fullmatch(r"\s*(\d+)\s*(ms|s|min|h|)\s*", text)
    if match is None:
        raise ValueError(f"{text!r} is no lock_timeout: write it as 5s or 500ms")
    return int(match[1]) * UNITS[match[2]]


def name_table(relation: Node) -> str:
    return str(relation["relname"])


def name_object(node: Node) -> str:
    return name_table(node["relation"]) if "relation" in node else _last_of(node.get("object", {}))


def _last_of(item: Node) -> str:
    """The name of what a DROP or RENAME names, without its schema and arguments."""
    names = [value["String"]["sval"] for value in _walk(item) if "String" in value]
    return str(names[-1]) if names else "?"


def _last(names: list[Node]) -> str:
    return str(names[-1]["String"]["sval"]).lower()


def _options(items: list[Node] | None) -> set[str]:
    return {item["DefElem"]["defname"].lower() for item in items or []}
