"""What a migration must not do while the old version serves, and the safe way to the same end."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Rule:
    """`harm` says what happens in a busy store, `way` what to write instead.

    `breaks`: it breaks a version or a run, however small the tables are; the others cost time under a lock.
    """

    name: str
    harm: str
    way: str
    breaks: bool = False


_ALL: Final = (
    Rule(
        "required-column",
        "the old version inserts rows without this column, and fails",
        "give it a constant DEFAULT, or add it nullable and let the new version fill it; NOT NULL comes in "
        "a later release",
        breaks=True,
    ),
    Rule(
        "rewriting-column",
        "the whole table is rewritten under a lock that stops reads and writes",
        "add the column without that default (a constant one, or now(), rewrites nothing), set the default "
        "by ALTER COLUMN … SET DEFAULT, and fill old rows in batches afterwards",
    ),
    Rule(
        "column-type",
        "the table is rewritten under a lock that stops reads and writes, and the old version writes the "
        "old type",
        "add a new column, write both, fill it in batches, read the new one; drop the old in a later release",
        breaks=True,
    ),
    Rule(
        "rename",
        "the old version still uses the old name",
        "add the new name beside it (a column that both versions write, a view for a table) and drop the old "
        "one when no version uses it",
        breaks=True,
    ),
    Rule(
        "drop",
        "the old version still uses it, and a rollback would not find it",
        "first release the version that does not use it; drop it a release later, with a waiver that names "
        "the version",
        breaks=True,
    ),
    Rule(
        "drop-constraint",
        "what the old version relies on (ON CONFLICT, a checked value) is no longer so",
        "drop it a release after the last version that relies on it; to widen a check, add the wider one "
        "under the same name in the same statement list",
        breaks=True,
    ),
    Rule(
        "drop-not-null",
        "the old version reads a null where it has never met one",
        "first release a version that reads null; allow it a release later, with a waiver that names the "
        "version",
        breaks=True,
    ),
    Rule(
        "set-not-null",
        "the table is scanned under a lock that stops reads and writes, and the old version may write null",
        "ADD CHECK (… IS NOT NULL) NOT VALID; VALIDATE it in a later revision; then SET NOT NULL finds it "
        "proved and does not scan",
        breaks=True,
    ),
    Rule(
        "index-not-concurrent",
        "writes to the table wait until the index is built",
        "in `with op.get_context().autocommit_block():` first DROP INDEX CONCURRENTLY IF EXISTS its name, "
        "then CREATE INDEX CONCURRENTLY",
    ),
    Rule(
        "drop-index-not-concurrent",
        "reads and writes of the table wait behind it",
        "DROP INDEX CONCURRENTLY IF EXISTS in `with op.get_context().autocommit_block():`",
    ),
    Rule(
        "concurrent-in-transaction",
        "PostgreSQL refuses it inside a transaction, so the release stops",
        "put it into `with op.get_context().autocommit_block():`",
        breaks=True,
    ),
    Rule(
        "not-repeatable",
        "outside a transaction a revision can stop half-way, and an unfinished index stays behind as "
        "invalid; the next run fails on it, or IF NOT EXISTS takes it for done",
        "name the index, and DROP INDEX CONCURRENTLY IF EXISTS it just before",
        breaks=True,
    ),
    Rule(
        "validated-constraint",
        "the table is scanned under a lock that stops writes",
        "add the constraint apart from its column and NOT VALID; VALIDATE CONSTRAINT in a later revision",
    ),
    Rule(
        "validated-at-once",
        "the lock of the statement before, which stops reads and writes, is held while the table is scanned",
        "VALIDATE CONSTRAINT in a revision of its own: each is one transaction",
    ),
    Rule(
        "unique-constraint",
        "its index is built under a lock that stops reads and writes",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … UNIQUE (or PRIMARY KEY) USING INDEX",
    ),
    Rule(
        "exclusion-constraint",
        "its index is built under a lock that stops reads and writes, and there is no concurrent way",
        "make a new table with the constraint and move the rows in batches",
    ),
    Rule(
        "backfill",
        "every row stays locked until the whole revision commits, and the table doubles in size",
        "fill in batches from a worker's job or a command, after the release; until then read both forms",
    ),
    Rule(
        "rewrite",
        "the table is locked against reads and writes, for as long as its size takes",
        "leave it out of migrations: use the CONCURRENTLY form in an autocommit_block, or a maintenance job",
    ),
    Rule(
        "no-lock-timeout",
        "a statement that waits for a lock stops every query behind it",
        "leave lock_timeout at the release's own; lift it only around CONCURRENTLY in an autocommit_block, "
        "and set it back there",
        breaks=True,
    ),
    Rule(
        "opaque",
        "what it does cannot be read from here",
        "write plain statements, or a waiver that says what it locks and for how long",
        breaks=True,
    ),
)
RULES: Final = {rule.name: rule for rule in _ALL}
