"""The authority: a client that trusts it can reach the stack's own hosts by it, and nothing else."""

import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stacks.local.providers import authority
from stacks.local.providers.authority import AuthorityProvider, LeafProvider

HOSTS = ["shop.example.com", "localhost", "127.0.0.1"]


@pytest.fixture
def issued() -> dict[str, Any]:
    return AuthorityProvider().create({"common_name": "Test", "hosts": HOSTS}).outs or {}


def leaf(issued: dict[str, Any], hosts: list[str]) -> dict[str, Any]:
    props = {
        "hosts": hosts,
        "authority_certificate": issued["certificate"],
        "authority_key": issued["key"],
    }
    return LeafProvider().create(props).outs or {}


def shake_hands(issued: dict[str, Any], served: dict[str, Any], host: str, folder: Path) -> None:
    """A TLS handshake in memory, with OpenSSL's strict checks. Raises SSLError when the client refuses."""
    (folder / "leaf.pem").write_text(served["certificate"] + served["key"])
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(folder / "leaf.pem")
    client_side = ssl.create_default_context(cadata=issued["certificate"])
    client_side.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=host)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                continue
        if not waiting:
            return
    raise AssertionError("the handshake did not end")


@pytest.mark.parametrize("host", HOSTS)
def test_its_leaf_is_accepted_for_each_of_the_stacks_hosts(
    issued: dict[str, Any], host: str, tmp_path: Path
) -> None:
    shake_hands(issued, leaf(issued, HOSTS), host, tmp_path)


@pytest.mark.parametrize("host", ["bank.example.org", "example.com", "10.0.0.1"])
def test_a_leaf_for_any_other_host_is_refused_even_when_the_authority_signed_it(
    issued: dict[str, Any], host: str, tmp_path: Path
) -> None:
    with pytest.raises(ssl.SSLError, match="permitted subtree violation"):
        shake_hands(issued, leaf(issued, [host]), host, tmp_path)


def test_the_certificates_are_what_browsers_want(issued: dict[str, Any]) -> None:
    root = x509.load_pem_x509_certificate(issued["certificate"].encode())
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert constraints.value.path_length == 0
    assert root.extensions.get_extension_for_class(x509.NameConstraints).critical
    served = x509.load_pem_x509_certificate(leaf(issued, HOSTS)["certificate"].encode())
    assert isinstance(served.public_key(), ec.EllipticCurvePublicKey)
    assert served.not_valid_after_utc - served.not_valid_before_utc <= timedelta(days=397)


def test_a_leaf_is_renewed_when_less_than_a_third_of_its_life_is_left(
    issued: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = leaf(issued, HOSTS)
    provider = LeafProvider()
    assert not provider.diff("", state, state).changes

    monkeypatch.setattr(authority, "RENEWAL", timedelta(days=authority.LEAF_DAYS - 1))
    assert not provider.diff("", state, state).changes
    monkeypatch.setattr(authority, "RENEWAL", timedelta(days=authority.LEAF_DAYS))
    assert provider.diff("", state, state).changes
    renewed = provider.update("", state, state).outs or {}
    assert renewed["certificate"] != state["certificate"]


def test_new_hosts_or_a_new_authority_make_a_new_leaf(issued: dict[str, Any]) -> None:
    state = leaf(issued, HOSTS)
    provider = LeafProvider()
    assert provider.diff("", state, {**state, "hosts": ["localhost"]}).changes
    assert provider.diff("", state, {**state, "authority_certificate": "other"}).changes
    assert AuthorityProvider().diff("", issued, {**issued, "hosts": ["localhost"]}).changes
    assert not AuthorityProvider().diff("", issued, issued).changes
