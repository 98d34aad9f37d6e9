"""Visitors trust the authority of their stack and nobody else."""

import subprocess
import sys
from pathlib import Path

from tests.certificates import make_certificate

ROOT = Path(__file__).parent.parent.parent
# In a process of its own: Locust replaces half of the standard library when it is imported.
COME = """
import socket, sys
from locust.env import Environment
from loadtests.target import Target
from loadtests.visitor import Visitor

with socket.create_server(("127.0.0.1", 0)) as listener:
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
Visitor.target = Target(url, sys.argv[1], "key")
Visitor.host = url
visitor = type("Somebody", (Visitor,), {})(Environment())
for _ in range(3):
    visitor.come()
    assert visitor.client.send("GET", "/").error
print(visitor.target.trust.cert_store_stats()["x509"])
"""


def test_no_public_authority_is_trusted_and_none_is_read_at_a_visit() -> None:
    command = [sys.executable, "-c", COME, make_certificate()[0].decode()]
    outcome = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == ["1"]
