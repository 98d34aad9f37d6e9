"""Every rule of the migrations' linter: what it refuses, and the safe way that it lets pass."""

from pathlib import Path

import pytest

from ci.migrations.__main__ import FOLDER, FOUNDATION, Problem, examine, list_revisions
from ci.migrations.rules import RULES

HEAD = '''"""A revision under test."""

from alembic import op

revision = "0001_tried"
down_revision = None


def upgrade() -> None:
'''


def judge(folder: Path, body: str) -> list[Problem]:
    """What the linter says of one revision with this body of `upgrade`."""
    (folder / "versions").mkdir()
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (folder / "versions" / "0001_tried.py").write_text(HEAD + lines)
    [script] = list_revisions(folder)
    problems, _ = examine(script)
    return problems


def rules_of(problems: list[Problem]) -> set[str]:
    return {problem.rule for problem in problems}


def outside(*statements: str) -> str:
    sent = "".join(f"\n    op.execute({statement!r})" for statement in statements)
    return f"with op.get_context().autocommit_block():{sent}"


def inside(*statements: str) -> str:
    return "\n".join(f"op.execute({statement!r})" for statement in statements)


CASES = {
    "required-column": (
        inside("ALTER TABLE orders ADD COLUMN note text NOT NULL"),
        inside(
            "ALTER TABLE orders ADD COLUMN note text NOT NULL DEFAULT ''",
            "ALTER TABLE orders ADD COLUMN seen text",
        ),
    ),
    "rewriting-column": (
        inside("ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid()"),
        inside(
            "ALTER TABLE orders ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now()",
            "ALTER TABLE orders ADD COLUMN token uuid",
            "ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid()",
        ),
    ),
    "column-type": (
        inside("ALTER TABLE orders ALTER COLUMN note TYPE bytea USING note::bytea"),
        inside("ALTER TABLE orders ADD COLUMN note_bytes bytea"),
    ),
    "rename": (
        inside("ALTER TABLE orders RENAME COLUMN note TO remark"),
        inside("ALTER INDEX orders_note RENAME TO orders_remark"),
    ),
    "drop": (
        inside("ALTER TABLE orders DROP COLUMN note"),
        inside("ALTER TABLE orders ADD COLUMN remark text"),
    ),
    "drop-constraint": (
        inside("ALTER TABLE orders DROP CONSTRAINT orders_number_key"),
        inside(
            "ALTER TABLE orders DROP CONSTRAINT orders_state_check",
            "ALTER TABLE orders ADD CONSTRAINT orders_state_check CHECK (state <> '') NOT VALID",
        ),
    ),
    "drop-not-null": (
        inside("ALTER TABLE orders ALTER COLUMN email DROP NOT NULL"),
        inside("ALTER TABLE orders ALTER COLUMN email SET DEFAULT ''"),
    ),
    "set-not-null": (
        inside("ALTER TABLE orders ALTER COLUMN note SET NOT NULL"),
        inside("ALTER TABLE orders ADD CONSTRAINT noted CHECK (note IS NOT NULL) NOT VALID"),
    ),
    "index-not-concurrent": (
        inside("CREATE INDEX orders_note ON orders (note)"),
        outside(
            "DROP INDEX CONCURRENTLY IF EXISTS orders_note",
            "CREATE INDEX CONCURRENTLY orders_note ON orders (note)",
        ),
    ),
    "drop-index-not-concurrent": (
        inside("DROP INDEX orders_note"),
        outside("DROP INDEX CONCURRENTLY IF EXISTS orders_note"),
    ),
    "concurrent-in-transaction": (
        inside(
            "DROP INDEX CONCURRENTLY IF EXISTS orders_note",
            "CREATE INDEX CONCURRENTLY orders_note ON orders (note)",
        ),
        outside("REINDEX INDEX CONCURRENTLY orders_note"),
    ),
    "not-repeatable": (
        outside("CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note ON orders (note)"),
        outside(
            "SET lock_timeout = 0",
            "DROP INDEX CONCURRENTLY IF EXISTS orders_note",
            "CREATE UNIQUE INDEX CONCURRENTLY orders_note ON orders (note)",
            "SET lock_timeout = '5s'",
        ),
    ),
    "validated-constraint": (
        inside("ALTER TABLE orders ADD FOREIGN KEY (cart_id) REFERENCES carts"),
        inside("ALTER TABLE orders ADD FOREIGN KEY (cart_id) REFERENCES carts NOT VALID"),
    ),
    "validated-at-once": (
        inside(
            "ALTER TABLE orders ADD CONSTRAINT noted CHECK (note <> '') NOT VALID",
            "ALTER TABLE orders VALIDATE CONSTRAINT noted",
        ),
        inside("ALTER TABLE orders VALIDATE CONSTRAINT noted"),
    ),
    "unique-constraint": (
        inside("ALTER TABLE orders ADD CONSTRAINT noted UNIQUE (note)"),
        inside("ALTER TABLE orders ADD CONSTRAINT noted UNIQUE USING INDEX orders_note"),
    ),
    "exclusion-constraint": (
        inside("ALTER TABLE slots ADD EXCLUDE USING gist (during WITH &&)"),
        inside("CREATE TABLE slots (during tstzrange, EXCLUDE USING gist (during WITH &&))"),
    ),
    "backfill": (
        inside("UPDATE orders SET note = '' WHERE note IS NULL"),
        inside("INSERT INTO locations (id, code) VALUES (2, 'second')"),
    ),
    "rewrite": (
        outside("VACUUM FULL orders"),
        outside("VACUUM orders"),
    ),
    "no-lock-timeout": (
        inside("SET LOCAL lock_timeout = 0", "ALTER TABLE orders ADD COLUMN note text"),
        inside("SET LOCAL lock_timeout = '500ms'", "ALTER TABLE orders ADD COLUMN note text"),
    ),
    "opaque": (
        inside("DO $$ BEGIN EXECUTE 'ALTER TABLE orders DROP COLUMN note'; END $$"),
        inside("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
    ),
}


def test_every_rule_is_tried() -> None:
    assert set(CASES) == set(RULES)


@pytest.mark.parametrize("rule", CASES)
def test_what_a_rule_refuses_is_refused_by_it_alone_and_names_the_safe_way(rule: str, tmp_path: Path) -> None:
    problems = judge(tmp_path, CASES[rule][0])
    assert rules_of(problems) == {rule}
    assert RULES[rule].way in str(problems[0])


@pytest.mark.parametrize("rule", CASES)
def test_the_safe_way_passes(rule: str, tmp_path: Path) -> None:
    assert judge(tmp_path, CASES[rule][1]) == []


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("ALTER TABLE orders RENAME TO purchases", "rename"),
        ("ALTER TABLE orders SET SCHEMA archive", "rename"),
        ("ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'", "rename"),
        ("DROP TABLE orders", "drop"),
        ("DROP VIEW sale_variants", "drop"),
        ("DROP FUNCTION reserve(bigint)", "drop"),
        ("ALTER TABLE orders ALTER COLUMN note DROP DEFAULT", "drop"),
        ("ALTER TABLE orders ADD COLUMN serial bigserial", "rewriting-column"),
        ("ALTER TABLE orders ADD COLUMN nth bigint GENERATED ALWAYS AS IDENTITY", "rewriting-column"),
        (
            "ALTER TABLE orders ADD COLUMN gross int GENERATED ALWAYS AS (net + tax) STORED",
            "rewriting-column",
        ),
        ("ALTER TABLE orders ADD COLUMN at timestamptz DEFAULT clock_timestamp()", "rewriting-column"),
        ("ALTER TABLE orders ADD COLUMN note text UNIQUE", "unique-constraint"),
        ("ALTER TABLE orders ADD PRIMARY KEY (id)", "unique-constraint"),
        ("ALTER TABLE orders ADD COLUMN weight int CHECK (weight > 0)", "validated-constraint"),
        (
            "ALTER TABLE orders ADD COLUMN place int NOT NULL DEFAULT 1 REFERENCES places",
            "validated-constraint",
        ),
        ("ALTER TABLE orders SET UNLOGGED", "rewrite"),
        ("ALTER TABLE orders SET TABLESPACE fast", "rewrite"),
        ("TRUNCATE orders", "rewrite"),
        ("LOCK TABLE orders IN EXCLUSIVE MODE", "rewrite"),
        ("REINDEX TABLE orders", "rewrite"),
        ("REFRESH MATERIALIZED VIEW best_sellers", "rewrite"),
        ("DELETE FROM orders WHERE id < 10", "backfill"),
        ("INSERT INTO archive SELECT * FROM orders", "backfill"),
        ("WITH gone AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM gone", "backfill"),
    ],
)
def test_other_spellings_are_refused_too(statement: str, rule: str, tmp_path: Path) -> None:
    assert rules_of(judge(tmp_path, inside(statement))) == {rule}


def test_what_alembic_writes_itself_is_judged_as_well(tmp_path: Path) -> None:
    body = "import sqlalchemy as sa\nop.add_column('orders', sa.Column('note', sa.Text(), nullable=False))"
    assert rules_of(judge(tmp_path, body)) == {"required-column"}


def test_a_table_of_the_same_revision_may_be_given_anything(tmp_path: Path) -> None:
    made = inside(
        "CREATE TABLE notes (id bigint)",
        "CREATE INDEX notes_id ON notes (id)",
        "ALTER TABLE notes ADD COLUMN at timestamptz NOT NULL",
        "ALTER TABLE notes ADD CHECK (id > 0)",
        "UPDATE notes SET id = 1",
        "DROP TABLE notes",
    )
    assert judge(tmp_path, made) == []


def test_a_comment_or_a_text_is_no_statement(tmp_path: Path) -> None:
    body = inside("-- DROP TABLE orders\nINSERT INTO notes VALUES ('ALTER TABLE orders DROP COLUMN note;')")
    assert judge(tmp_path, body) == []


def test_a_lifted_lock_timeout_must_be_set_back_for_the_next_revision(tmp_path: Path) -> None:
    lifted = outside("SET lock_timeout = 0", "DROP INDEX CONCURRENTLY IF EXISTS orders_note")
    [problem] = judge(tmp_path, lifted)
    assert problem.rule == "no-lock-timeout"
    assert "not set back" in problem.text


def test_a_waiver_with_a_reason_allows_one_statement_and_no_other(tmp_path: Path) -> None:
    body = inside(
        "-- lint: allow drop: no version reads it since 2.3\nALTER TABLE orders DROP COLUMN note",
        "ALTER TABLE orders DROP COLUMN remark",
    )
    [problem] = judge(tmp_path, body)
    assert "column remark" in problem.text


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        ("-- lint: allow drop", "without a reason"),
        ("-- lint: allow drop:", "without a reason"),
        ("-- lint: allow dropping: it is unused", "'dropping' is no rule"),
        ("-- lint: allow drop, rename: it is unused", "'rename' is waived, but not broken here"),
    ],
)
def test_a_waiver_that_waives_nothing_is_refused(comment: str, says: str, tmp_path: Path) -> None:
    problems = judge(tmp_path, inside(f"{comment}\nALTER TABLE orders DROP COLUMN note"))
    assert any(problem.rule == "waiver" and says in problem.text for problem in problems)


def test_a_problem_names_the_line_of_its_statement_in_the_file(tmp_path: Path) -> None:
    sql = "ALTER TABLE orders ADD COLUMN note text;\n\nALTER TABLE orders DROP COLUMN old;"
    body = f'op.execute("""\n{sql}\n""")'
    [problem] = judge(tmp_path, body)
    line = problem.file.read_text().splitlines()[problem.line - 1]
    assert line.strip() == "ALTER TABLE orders DROP COLUMN old;"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("op.execute('ALTER TABEL orders')", "no SQL to PostgreSQL's parser"),
        (
            "for row in op.get_bind().execute('SELECT 1').all(): pass",
            "cannot be written as SQL without a database",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(body: str, says: str, tmp_path: Path) -> None:
    [problem] = judge(tmp_path, body)
    assert problem.rule == "unreadable"
    assert says in problem.text


def test_the_store_s_own_revisions_pass_and_the_first_release_s_are_all_there() -> None:
    revisions = list_revisions(FOLDER)
    names = [script.revision for script in revisions]
    assert names == sorted(names)
    last = names.index(FOUNDATION)
    for number, script in enumerate(revisions):
        assert examine(script, founding=number <= last)[0] == []
