"""A managed database's certificate authority: fetched by TLS, or the start is refused with the reason."""

from __future__ import annotations

import datetime
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core.authority import AuthorityError, fetch_authority
from app.core.settings import SettingsError, read_settings


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "ca.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, private


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A trusted server that has `bundle.pem`, and `words` that are no certificate."""
    pem, key = make_certificate(tmp_path)
    answers = {"/bundle.pem": pem.read_bytes(), "/words": b"good morning"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in answers else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    yield f"https://localhost:{made.server_address[1]}"
    made.shutdown()


def test_the_bundle_becomes_a_file_that_verifies_with_what_the_system_trusts(
    server: str, tmp_path: Path
) -> None:
    found = fetch_authority(f"{server}/bundle.pem").read_text()
    assert found.startswith((tmp_path / "ca.pem").read_text())
    # The system's, which SSL_CERT_FILE names here, is in it as well.
    assert found.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(("path", "said"), [("/words", "no certificates can be had"), ("/nothing", "404")])
def test_what_is_no_bundle_is_refused(server: str, path: str, said: str) -> None:
    with pytest.raises(AuthorityError, match=said):
        fetch_authority(server + path)


def test_an_authority_never_comes_by_plain_http() -> None:
    with pytest.raises(AuthorityError, match="https://"):
        fetch_authority("http://127.0.0.1/bundle.pem")


def test_both_addresses_are_checked_against_it(server: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s" * 32)
    given = {
        f"{name}_FILE": str(tmp_path / "secret")
        for name in ("SESSION_KEY", "GATEWAY_KEY", "GATEWAY_WEBHOOK_KEY")
    }
    address = "postgresql://store@database/store?sslmode=verify-full"
    environ = {"DATABASE_URL": address, "DATABASE_DIRECT_URL": address, **given}
    settings = read_settings({**environ, "DATABASE_CA_URL": f"{server}/bundle.pem"})
    assert "sslmode=verify-full&sslrootcert=" in settings.database_dsn
    assert settings.database_direct_dsn == settings.database_dsn
    with pytest.raises(SettingsError, match="DATABASE_CA_URL is"):
        read_settings({**environ, "DATABASE_CA_URL": f"{server}/words"})
