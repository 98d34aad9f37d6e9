"""A checkout's state of its own for each test."""

from pathlib import Path

import pytest

from ci import deployment, environments


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(deployment, "STATE", tmp_path / ".state")
    monkeypatch.setattr(environments, "CHECKOUT", tmp_path)
    return tmp_path / ".state"
