"""The container contract: what is missing or wrong is said, all at once, and no secret is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.settings import SettingsError, read_settings, with_password


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    secret = tmp_path / "secret"
    secret.write_text("a secret with / and @ of 32 letters\n")
    files = {f"{name}_FILE": str(secret) for name in ("SESSION_KEY", "GATEWAY_KEY", "GATEWAY_WEBHOOK_KEY")}
    return {
        "DATABASE_URL": "postgresql://store@pooler:6432/store",
        "DATABASE_DIRECT_URL": "postgresql://store@database:5432/store",
        "DATABASE_PASSWORD_FILE": str(secret),
        **files,
    }


def test_secrets_come_from_files_and_never_show(environ: dict[str, str]) -> None:
    settings = read_settings(environ)
    assert settings.database_dsn == (
        "postgresql://store:a%20secret%20with%20%2F%20and%20%40%20of%2032%20letters@pooler:6432/store"
    )
    assert "secret with" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "eighty", "PORT is 'eighty'"),
        ("PORT", "70000", "PORT is '70000'"),
        ("PORT", "²", "PORT is '²'"),
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL is 'mysql://x/y'"),
        ("DATABASE_URL", "postgresql://store:open@x/y", "DATABASE_URL holds a password"),
        ("DATABASE_URL", "", "DATABASE_URL is not set"),
        ("PUBLIC_URL", "localhost", "PUBLIC_URL is 'localhost'"),
        ("SESSION_KEY_FILE", "/nowhere", "SESSION_KEY_FILE is '/nowhere'"),
        ("SESSION_KEY_FILE", "", "SESSION_KEY_FILE is not set"),
    ],
)
def test_a_wrong_variable_is_quoted(environ: dict[str, str], name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings({**environ, name: value})
    assert said in str(error.value)
    assert "open" not in str(error.value)


def test_a_short_session_key_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "short").write_text("short")
    with pytest.raises(SettingsError, match="32"):
        read_settings({**environ, "SESSION_KEY_FILE": str(tmp_path / "short")})


def test_every_fault_is_told_at_once_and_the_command_fails() -> None:
    bare = {"PATH": os.environ["PATH"], "PORT": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "app", "web"], env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    for name in ("PORT", "DATABASE_URL", "DATABASE_DIRECT_URL", "SESSION_KEY_FILE", "GATEWAY_KEY_FILE"):
        assert f"app web: {name} " in done.stderr
    assert "Traceback" not in done.stderr


def test_no_password_leaves_the_address_as_it_is() -> None:
    assert with_password("redis://cache:6379/0", None) == "redis://cache:6379/0"
