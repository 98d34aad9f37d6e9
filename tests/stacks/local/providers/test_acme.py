"""Certificates by ACME, from a real authority for tests: Pebble, built from its Go module.

Skipped, and said, where there is no Go to build it.
"""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from stacks.local.providers import acme
from stacks.local.providers.authority import make_authority, make_leaf
from stacks.local.providers.base import Failure
from tests.app.processes import is_listening, wait_until
from tests.ports import free_port

PEBBLE = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.9.0"


@dataclass(frozen=True)
class Authority:
    """A running ACME authority on this machine: where it answers, and where it asks."""

    directory: str
    certificate: str
    asks_port: int

    def request(self, **changes: Any) -> dict[str, Any]:
        """What an edge asks for."""
        return {
            "stack": "no-such-stack",
            "hosts": ["localhost"],
            "directory": self.directory,
            "email": "owner@example.com",
            "authority_certificate": self.certificate,
            "listen": "127.0.0.1",
            "port": self.asks_port,
            "volume": "unused",
            "uid": 0,
            **changes,
        }


@pytest.fixture(scope="module")
def pebble(tmp_path_factory: pytest.TempPathFactory) -> str:
    if not shutil.which("go"):
        pytest.skip("no Go on PATH to build the test authority Pebble with")
    binaries = tmp_path_factory.mktemp("pebble")
    subprocess.run(["go", "install", PEBBLE], check=True, env=os.environ | {"GOBIN": str(binaries)})
    return str(binaries / "pebble")


@pytest.fixture
def authority(pebble: str, tmp_path: Path) -> Iterator[Authority]:
    certificate, key = make_authority("Pebble's own", ["localhost", "127.0.0.1"])
    leaf = make_leaf(
        {"hosts": ["localhost", "127.0.0.1"], "authority_certificate": certificate, "authority_key": key}
    )
    (tmp_path / "tls.crt").write_text(leaf["certificate"])
    (tmp_path / "tls.key").write_text(leaf["key"])
    port, asks, manage = free_port(), free_port(), free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{manage}",
        "certificate": str(tmp_path / "tls.crt"),
        "privateKey": str(tmp_path / "tls.key"),
        "httpPort": asks,
        "tlsPort": free_port(),
    }
    (tmp_path / "pebble.json").write_text(json.dumps({"pebble": settings}))
    environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    log = tmp_path / "pebble.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [pebble, "-config", str(tmp_path / "pebble.json")], env=environment, stdout=out, stderr=out
        )
    try:
        wait_until(
            lambda: process.poll() is not None or is_listening(port),
            lambda: f"Pebble does not listen:\n{log.read_text()}",
        )
        assert process.poll() is None, f"Pebble has ended:\n{log.read_text()}"
        yield Authority(f"https://127.0.0.1:{port}/dir", certificate, asks)
    finally:
        process.kill()
        process.wait()


def test_a_host_that_answers_gets_a_certificate_that_fits_its_key(authority: Authority) -> None:
    made = acme.obtain(authority.request(), None)
    leaf = x509.load_pem_x509_certificate(made["certificate"].encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert made["certificate"].count("BEGIN CERTIFICATE") >= 2, "the chain is part of it"
    assert not acme.due(made["certificate"])


def test_an_owner_without_an_address_gets_one_too(authority: Authority) -> None:
    # The engine leaves out what is not set.
    request = {name: value for name, value in authority.request().items() if name != "email"}
    assert acme.obtain(request, None)["certificate"]


def test_a_renewal_uses_the_account_there_is(authority: Authority) -> None:
    first = acme.obtain(authority.request(), None)
    second = acme.obtain(authority.request(), first["account_key"])
    assert second["account_key"] == first["account_key"]
    assert second["certificate"] != first["certificate"]
    assert second["key"] != first["key"]


def test_a_host_that_cannot_be_reached_is_said_in_one_line_with_the_mend(authority: Authority) -> None:
    with pytest.raises(Failure) as failure:
        acme.obtain(authority.request(port=free_port()), None)
    assert "\n" not in str(failure.value)
    assert "localhost" in str(failure.value)
    assert "edge:http_port" in str(failure.value)


def test_a_taken_port_is_said_in_one_line(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", authority.asks_port)), pytest.raises(Failure, match="in use"):
        acme.obtain(authority.request(), None)


def test_an_authority_that_nobody_vouches_for_is_not_asked(authority: Authority) -> None:
    other, _ = make_authority("someone else", ["localhost"])
    with pytest.raises(Failure, match=r"(?i)certificate.verify.failed"):
        acme.obtain(authority.request(authority_certificate=other), None)
