"""Every operation of the document under made-up requests: no fault, nothing that the document does not say.

Schemathesis runs all of its phases (examples, coverage of the schemas' edges, fuzzing, sequences along links)
against the real web process with its database, cache and gateway. `FUZZ_SECONDS` lengthens the run,
`FUZZ_SEED` makes it another: the same each time shows what a change broke, another what nobody has met yet.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest

from app import reconcile
from app.core.database import Database
from app.core.settings import Settings
from app.keys import service
from app.keys.service import Scope
from tests.app.factories import check_out, fill_cart, make_variant
from tests.app.processes import Process

HERE = Path(__file__).parent
# The edges of all schemas take about 25 seconds; what is left goes to chance.
SECONDS = int(os.environ.get("FUZZ_SECONDS", "90"))
SEED = os.environ.get("FUZZ_SEED", "1")
# Below this the document was not read, or nothing could be reached.
FEWEST_CASES = 100


def fuzz(web: Process, folder: Path, *headers: str, seconds: int) -> None:
    """Run schemathesis over the whole document; fails with its report."""
    command = [
        str(Path(sys.executable).parent / "st"),
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        f"{web.url}/api/v1/openapi.json",
        f"--max-time={seconds}",
        "--max-examples=20",
        f"--seed={SEED}",
        "--suppress-health-check=all",
        *[f"--header={header}" for header in headers],
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=seconds + 240, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-20_000:]}\n{done.stderr[-2000:]}"
    counted = re.search(r"([\d,]+) generated", done.stdout)
    assert counted, done.stdout
    assert int(counted[1].replace(",", "")) >= FEWEST_CASES, done.stdout
    assert '"level": "error"' not in web.log.read_text()


@pytest.fixture
async def something(owner: asyncpg.Connection, web: Process) -> None:
    """Goods to buy, under the ids of the document's examples, and an order."""
    variants = [await make_variant(owner, stock=10_000) for _ in range(3)]
    with httpx.Client(base_url=web.url, timeout=20, trust_env=False) as client:
        assert check_out(client, fill_cart(client, (variants[0], 1))).status_code == 201


async def test_whatever_other_systems_send_is_answered_as_the_document_says(
    web: Process, database: Database, settings: Settings, something: None, tmp_path: Path
) -> None:
    key = await service.create_key(
        database, name="fuzz", scopes=list(Scope), created_by="test", per_minute=100_000
    )
    fuzz(web, tmp_path, f"Authorization: Bearer {key}", seconds=SECONDS)
    assert await reconcile.run(settings) == 0


async def test_whatever_shoppers_send_is_answered_as_the_document_says(
    web: Process, settings: Settings, something: None, tmp_path: Path
) -> None:
    fuzz(web, tmp_path, seconds=SECONDS // 2)
    assert await reconcile.run(settings) == 0
