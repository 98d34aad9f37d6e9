"""Which Pulumi CLI is used, and what is done when there is none."""

import hashlib
import http.server
import io
import ssl
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial as bind
from pathlib import Path

import pytest

from ci.toolchain import machine, pins, pulumi_cli
from ci.toolchain.progress import Report, ToolchainError
from tests.certificates import make_certificate
from tests.ci.toolchain.conftest import write_program

Build = Callable[[Path, Report], None]


def build_nothing(partial: Path, report: Report) -> None:
    """Stands for the build from Go modules, which takes minutes."""
    write_program(partial / "bin" / "pulumi", f"v{pins.PULUMI}")
    (partial / pulumi_cli.BUILT_MARK).touch()


def name_archive() -> str:
    system, processor = machine.name_platform()
    return f"pulumi-v{pins.PULUMI}-{system}-{'x64' if processor == 'amd64' else processor}.tar.gz"


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The directory of a TLS server that stands for the official one; only its certificate is trusted."""
    certificate, private = make_certificate()
    pem = tmp_path / "server.pem"
    pem.write_bytes(private + certificate)
    directory = tmp_path / "release"
    directory.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), bind(Quiet, directory=str(directory)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    monkeypatch.setattr(pulumi_cli, "RELEASES", f"https://127.0.0.1:{server.server_port}")
    yield directory
    server.shutdown()


def publish(directory: Path, *, checksum: str = "") -> None:
    """Publishes an archive as the official one is laid out, listed under its checksum or a wrong one."""
    content = b"#!/bin/sh\necho v3.259.0\n"
    with tarfile.open(directory / name_archive(), "w:gz") as archive:
        for program in ("pulumi", "pulumi-language-python"):
            entry = tarfile.TarInfo(f"pulumi/{program}")
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    listed = checksum or hashlib.sha256((directory / name_archive()).read_bytes()).hexdigest()
    (directory / f"pulumi-{pins.PULUMI}-checksums.txt").write_text(f"{listed}  {name_archive()}\n")


@pytest.fixture
def tar(cache: Path, tmp_path: Path) -> None:
    """PATH is empty but for what unpacking needs."""
    for program in ("tar", "gzip"):
        (tmp_path / "programs" / program).symlink_to(f"/bin/{program}")


def test_a_recent_cli_on_path_is_used_as_it_is(cache: Path, tmp_path: Path) -> None:
    write_program(pulumi_cli.locate_cached_cli(), "v3.259.0")
    own = write_program(tmp_path / "programs" / "pulumi", "v3.270.1")
    write_program(tmp_path / "programs" / "pulumi-language-python", "")
    assert pulumi_cli.locate_cli() == pulumi_cli.Cli(own, "3.270.1", built=False)


@pytest.mark.parametrize(
    ("version", "has_language_host", "usable"),
    [
        ("3.230.0", True, True),
        ("3.229.9", True, False),
        ("4.0.0", True, False),
        ("", True, False),
        ("3.270.1", False, False),
    ],
)
def test_a_cli_is_used_only_if_it_can_run_this_project(
    version: str, has_language_host: bool, usable: bool
) -> None:
    assert pulumi_cli.is_usable(version, has_language_host=has_language_host) is usable


def test_the_cached_cli_on_path_is_still_known_as_the_built_one(cache: Path, tmp_path: Path) -> None:
    cached = write_program(pulumi_cli.locate_cached_cli(), "v3.259.0")
    (cached.parents[1] / pulumi_cli.BUILT_MARK).touch()
    (tmp_path / "programs" / "pulumi").symlink_to(cached)
    assert pulumi_cli.locate_cli() == pulumi_cli.Cli(cached, pins.PULUMI, built=True)


def test_the_official_download_is_taken_when_its_checksum_fits(
    release: Path, tar: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(release)
    pulumi_cli.STEP.run()
    cli = pulumi_cli.locate_cli()
    assert cli == pulumi_cli.Cli(pulumi_cli.locate_cached_cli(), pins.PULUMI, built=False)
    assert pulumi_cli.read_version(pulumi_cli.locate_cached_cli()) == "3.259.0"


def test_a_download_that_does_not_fit_its_checksum_is_refused_and_nothing_is_kept(
    release: Path, tar: None, cache: Path
) -> None:
    publish(release, checksum="0" * 64)
    with pytest.raises(ToolchainError, match=f"refused: .*its release lists {'0' * 64}"):
        pulumi_cli.STEP.run()
    assert pulumi_cli.locate_cli() is None
    assert list((cache / "pulumi").iterdir()) == []


def test_without_a_release_the_cli_is_built(
    release: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_cli, "_build", build_nothing)
    pulumi_cli.STEP.run()
    assert pulumi_cli.locate_cli() == pulumi_cli.Cli(pulumi_cli.locate_cached_cli(), pins.PULUMI, built=True)


def test_out_of_reach_the_cli_is_built(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens there, so it is refused at once.
    monkeypatch.setattr(pulumi_cli, "RELEASES", "https://127.0.0.1:9")
    monkeypatch.setattr(pulumi_cli, "_build", build_nothing)
    pulumi_cli.STEP.run()
    found = pulumi_cli.locate_cli()
    assert found is not None
    assert found.built
