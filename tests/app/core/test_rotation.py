"""The store on a managed database: secrets by ARN, roles made by the master, passwords replaced in mid-run.

PostgreSQL and Redis ask for their passwords; Secrets Manager is the emulator of `requirements/aws.lock`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
from botocore.session import get_session

from app.backoffice.sessions import connect
from app.core.cache import Cache
from app.core.secrets import SecretError, read_arn
from app.core.settings import SettingsError, read_settings
from tests.app.processes import CACHE, ROOT, Process, is_listening, throwaway_container, wait_until
from tests.ports import free_port

EMULATOR = ROOT / ".venv-aws/bin/ministack"
# As the kit's own, but whoever comes by TCP needs a password.
DATABASE = (
    "echo first > /tmp/first && initdb -D /tmp/data -U postgres --pwfile=/tmp/first -A scram-sha-256"
    " >/dev/null && exec postgres -D /tmp/data -c port={port} -c listen_addresses=127.0.0.1"
    " -c unix_socket_directories=/tmp -c fsync=off"
)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass
class Cloud:
    """The servers, and the secrets by name."""

    manager: str
    database: int
    cache: int
    arns: dict[str, str]

    def client(self) -> object:
        return get_session().create_client(
            "secretsmanager",
            region_name="eu-central-1",
            endpoint_url=self.manager,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def make(self, name: str, value: str) -> None:
        self.arns[name] = self.client().create_secret(Name=name, SecretString=value)["ARN"]  # type: ignore[attr-defined]

    def put(self, name: str, value: str) -> None:
        self.client().put_secret_value(SecretId=self.arns[name], SecretString=value)  # type: ignore[attr-defined]

    def superuser(self, database: str = "store") -> psycopg.Connection:
        url = f"postgresql://postgres:first@127.0.0.1:{self.database}/{database}"
        return psycopg.connect(url, autocommit=True)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    if not EMULATOR.exists():
        pytest.skip("no emulator: `python3 -m ci.toolchain install --for-tests` installs it")
    port = free_port()
    log = tmp_path_factory.mktemp("emulator") / "log"
    variables = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0"}
    nowhere = {"DOCKER_HOST": "unix:///nonexistent.sock"}
    with ExitStack() as stack, log.open("w") as out:
        emulator = subprocess.Popen(
            [EMULATOR], env={**os.environ, **variables, **nowhere}, stdout=out, stderr=out
        )
        stack.callback(emulator.wait, 20)
        stack.callback(emulator.terminate)
        database = stack.enter_context(throwaway_container("database", DATABASE))
        cache = stack.enter_context(throwaway_container("cache", CACHE + " --requirepass one"))
        wait_until(lambda: is_listening(port), log.read_text)
        made = Cloud(f"http://127.0.0.1:{port}", database, cache, {})
        made.make("database-store", json.dumps({"username": "store", "password": "one"}))
        made.make("database-migrator", json.dumps({"username": "migrator", "password": "move/it"}))
        made.make("master", json.dumps({"username": "master", "password": "m@ster"}))
        made.make("cache", "one")
        for name in ("session", "gateway", "webhook"):
            made.make(name, name * 8)
        with made.superuser("postgres") as connection:
            # What RDS's master may: make roles, own the database; it is no superuser.
            connection.execute("CREATE ROLE master LOGIN CREATEROLE PASSWORD 'm@ster'")
            connection.execute("CREATE DATABASE store OWNER master")
        yield made


@pytest.fixture(scope="module")
def environ(cloud: Cloud) -> dict[str, str]:
    """What stacks/aws hands a container, for these servers."""
    at = f"127.0.0.1:{cloud.database}/store"
    return {
        **CREDENTIALS,
        "AWS_ENDPOINT_URL": cloud.manager,
        "DATABASE_URL": f"postgresql://store@{at}",
        "DATABASE_DIRECT_URL": f"postgresql://store@{at}",
        "DATABASE_PASSWORD_SECRET_ARN": cloud.arns["database-store"],
        "CACHE_URL": f"redis://127.0.0.1:{cloud.cache}/0",
        "CACHE_PASSWORD_SECRET_ARN": cloud.arns["cache"],
        "SESSION_KEY_SECRET_ARN": cloud.arns["session"],
        "GATEWAY_KEY_SECRET_ARN": cloud.arns["gateway"],
        "GATEWAY_WEBHOOK_KEY_SECRET_ARN": cloud.arns["webhook"],
        "PUBLIC_URL": "https://shop.example.com",
        "MEDIA_URL": "https://shop.example.com/media",
    }


@pytest.fixture(scope="module")
def release(cloud: Cloud, environ: dict[str, str]) -> dict[str, str]:
    """What the release task is handed besides."""
    return {
        **os.environ,
        **environ,
        "DATABASE_MIGRATOR_URL": f"postgresql://migrator@127.0.0.1:{cloud.database}/store",
        "DATABASE_MIGRATOR_PASSWORD_SECRET_ARN": cloud.arns["database-migrator"],
        "DATABASE_MASTER_SECRET_ARN": cloud.arns["master"],
    }


def run_release(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "release"]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=200, check=False
    )


@pytest.fixture(scope="module")
def store(
    environ: dict[str, str], release: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Process, Process]]:
    """Web and worker, on a database that knew only its master before the release."""
    for _ in range(2):
        done = run_release(release)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "move/it" not in done.stdout + done.stderr
    folder = tmp_path_factory.mktemp("store")
    processes = [
        Process(["app", part], environ, folder / f"{part}.log", free_port()) for part in ("web", "worker")
    ]
    for process in processes:
        process.start(ready="/health/ready")
    yield processes[0], processes[1]
    for process in processes:
        process.stop()


def drop_connections(cloud: Cloud) -> None:
    with cloud.superuser() as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'store'")


def test_the_store_keeps_answering_while_its_database_password_is_replaced(
    cloud: Cloud, release: dict[str, str], store: tuple[Process, Process]
) -> None:
    web, worker = store
    answers: list[int] = []
    ending = threading.Event()

    def shop() -> None:
        with httpx.Client(base_url=web.url, timeout=20, trust_env=False) as client:
            while not ending.is_set():
                answers.append(client.get("/api/v1/products").status_code)
                time.sleep(0.02)

    shopper = threading.Thread(target=shop)
    shopper.start()
    try:
        for password in ("two", "three/@%"):
            cloud.put("database-store", json.dumps({"username": "store", "password": password}))
            # The release makes the roles sign in with what the secrets hold.
            assert run_release(release).returncode == 0
            drop_connections(cloud)
            wait_until(
                lambda: httpx.get(f"{worker.url}/health/ready", trust_env=False).status_code == 200,
                worker.log.read_text,
                seconds=30,
            )
    finally:
        time.sleep(1)
        ending.set()
        shopper.join(30)
    assert len(answers) > 20
    assert set(answers) == {200}
    assert "signing in with the new one" in web.log.read_text()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://store:one@127.0.0.1:{cloud.database}/store")


def test_the_queue_comes_back_with_the_new_password(cloud: Cloud, store: tuple[Process, Process]) -> None:
    def listens() -> bool:
        with cloud.superuser() as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'store' AND query ILIKE 'LISTEN%'"
            found = connection.execute(query).fetchone()
            return bool(found and found[0])

    cloud.put("database-store", json.dumps({"username": "store", "password": "four"}))
    with cloud.superuser() as connection:
        connection.execute("ALTER ROLE store PASSWORD 'four'")
    drop_connections(cloud)
    wait_until(listens, store[1].log.read_text, seconds=60)


async def test_the_cache_and_the_sessions_sign_in_with_the_new_password(
    cloud: Cloud, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*CREDENTIALS, "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, environ[name])
    before = [read_settings(environ) for _ in range(3)]

    # As ElastiCache rotates: for a while both are taken, then the new one alone. What is connected stays so;
    # these connect only now, with the password that was read before.
    admin = redis.Redis(host="127.0.0.1", port=cloud.cache, password="one")
    admin.acl_setuser("default", enabled=True, passwords=["+two"])
    cloud.put("cache", "two")
    admin.acl_setuser("default", enabled=True, passwords=["-one"])
    cache = Cache(before[0].cache_dsn, before[0].secrets.cache_credential)
    sessions = connect(before[1].cache_dsn, before[1].secrets.cache_credential)
    await sessions.set("kept", b"here")
    assert await cache.get("kept") == b"here"

    # A password that no secret holds: the cache is a miss, and nothing hangs.
    admin.acl_setuser("default", enabled=True, passwords=["-two", "+three"])
    refused = Cache(before[2].cache_dsn, before[2].secrets.cache_credential)
    assert await refused.get("kept") is None
    for client in (cache, refused):
        await client.close()
    await sessions.aclose()


def test_a_secret_that_cannot_be_read_is_named(
    cloud: Cloud, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = cloud.arns["cache"].replace("secret:cache", "secret:none")
    for name in (*CREDENTIALS, "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, environ[name])
    with pytest.raises(SettingsError) as error:
        read_settings({**environ, "CACHE_PASSWORD_SECRET_ARN": missing})
    assert f"CACHE_PASSWORD_SECRET_ARN is '{missing}', which cannot be read" in str(error.value)


def test_what_is_no_arn_is_refused() -> None:
    with pytest.raises(SecretError, match="arn:aws:secretsmanager"):
        read_arn("session-key")


def test_a_secret_has_one_source(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="are both set"):
        read_settings({**environ, "CACHE_PASSWORD_FILE": str(tmp_path)})
