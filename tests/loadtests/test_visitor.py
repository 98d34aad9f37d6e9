"""Visitors trust the authority of their stack and nobody else."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


@pytest.fixture(scope="module")
def authority() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def test_no_public_authority_is_trusted_and_none_is_read_at_a_visit(authority: str) -> None:
    command = [sys.executable, "-c", COME, authority]
    outcome = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60)
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == ["1"]
