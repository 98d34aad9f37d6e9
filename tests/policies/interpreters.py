"""The Python that programs of the tests run in: one that has the AWS and Docker SDKs."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "STORESTACK_AWS_PYTHON"


def find_aws_python() -> str:
    """An interpreter with `pulumi_aws`: the one of the environment variable, the tests' own, or `.venv-aws`.

    Skips the test where there is none, and says so.
    """
    if named := os.environ.get(VARIABLE):
        return named
    if importlib.util.find_spec("pulumi_aws"):
        return sys.executable
    apart = ROOT / ".venv-aws" / "bin" / "python"
    if apart.exists():
        return str(apart)
    pytest.skip(f"no Python with pulumi_aws here: name one in {VARIABLE}")
