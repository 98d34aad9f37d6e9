"""Each engine of database and cache, used over the container contract by a client that is no store."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci import environments, preflight
from loadtests.stack import ROOT, Stack, find_stack, make
from tests.live.conftest import STACK

CLIENT = Path(__file__).parent / "engines_client" / "client.py"
NAME = f"{STACK}-engines"
DOCKERFILE = """FROM debian:trixie-slim
RUN apt-get update -q && apt-get install -y -q --no-install-recommends \\
    python3 mariadb-client-core postgresql-client
COPY client.py /srv/client.py
CMD ["python3", "/srv/client.py"]
"""


def write(settings: dict[str, str]) -> None:
    """Adds settings to the stack's file."""
    file = ROOT / f"Pulumi.{NAME}.yaml"
    file.write_text(file.read_text() + "".join(f'  {key}: "{text}"\n' for key, text in settings.items()))


def ask(stack: Stack) -> dict[str, str]:
    """What the client saw of its engines when it used them just now."""
    with stack.client() as client:
        answer = client.get("/")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """The client's image, with the command-line clients of both databases."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, text in {"Dockerfile": DOCKERFILE, "client.py": CLIENT.read_text()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    archive.seek(0)
    engine, tag = preflight.connect(), f"storestack-{NAME}:client"
    engine.images.build(fileobj=archive, custom_context=True, tag=tag, rm=True, network_mode="host")
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture
def stack(image: str) -> Iterator[dict[str, str]]:
    """The settings of a stack of this test's own, which is gone afterwards with all its data."""
    settings = {
        "store:image": image,
        "store:release_command": "python3 /srv/client.py release",
        "store:health_command": "python3 /srv/client.py health",
        "store:sample_data": "false",
        "store:workers": "0",
        "store:web": "1",
        "store:smoke_paths": "/",
        "database:connections": "40",
    }
    yield settings
    removed = make("down", NAME, "DATA=delete")
    (ROOT / f"Pulumi.{NAME}.yaml").unlink(missing_ok=True)
    assert removed.returncode == 0, removed.stdout + removed.stderr


@pytest.mark.parametrize(
    ("database", "cache", "says"),
    [("mysql", "valkey", "MariaDB"), ("postgres", "memcached", "PostgreSQL")],
)
def test_an_image_of_ones_own_uses_the_engines_it_asked_for(
    stack: dict[str, str], database: str, cache: str, says: str
) -> None:
    environments.make(NAME, preflight.connect())
    write({**stack, "database:engine": database, "cache:engine": cache})
    hosted = make("up", NAME)
    assert hosted.returncode == 0, hosted.stdout + hosted.stderr
    found = find_stack(NAME)
    answer = ask(found)
    assert (answer["kept"], answer["cached"]) == ("True", "True"), answer
    assert says in answer["database"], answer
    assert answer["cache"].startswith(cache), answer
    assert "denied" in answer["denied"] or "must be owner" in answer["denied"], answer
    # A change of the settings is read, and what was written stays.
    write({"cache:memory_mb": "128", "database:slow_query_ms": "100"})
    changed = make("up", NAME)
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert ask(found)["kept"] == "True"
