"""The SBOM: every Debian package and every Python distribution in an image, as CycloneDX 1.6.

Read from the image's own records (dpkg's status, each distribution's metadata), so it tells what is in the
image, not what a lock wished for. A file that no package brought is not in it.
"""

import io
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any, Final, cast
from urllib.parse import quote

import docker

from ci.release.artifacts import Artifact

STATUS: Final = "var/lib/dpkg/status"
RELEASE: Final = ("etc/os-release", "usr/lib/os-release")


@dataclass(frozen=True, order=True)
class Package:
    """One package. `source` and `source_version` are what Debian's advisories name."""

    ecosystem: str
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    source_version: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Contents:
    """What was found in an image; `distribution` is the Debian release's number."""

    packages: tuple[Package, ...]
    distribution: str


class Feed(io.RawIOBase):
    """The engine's chunks as a file, so that an image is read through once and never held."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks, self.rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest:
            try:
                self.rest = next(self.chunks)
            except StopIteration:
                return 0
        taken, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def read(client: docker.DockerClient, image: str) -> Contents:
    """Look through an image's files. Its container is made, never started, and removed."""
    container = client.containers.create(image, ["none"], network_disabled=True)
    try:
        return scan(io.BufferedReader(Feed(cast("Iterator[bytes]", container.export())), 1 << 20))
    finally:
        container.remove(force=True, v=True)


def scan(stream: Any) -> Contents:
    """The packages that a tar of a root file system records."""
    packages: set[Package] = set()
    distribution = ""
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            if not member.isfile():
                continue
            if name == STATUS:
                packages.update(debian(text(tar, member)))
            elif name.endswith(".dist-info/METADATA"):
                packages.update(python(text(tar, member)))
            elif name in RELEASE:
                distribution = release(text(tar, member)) or distribution
    return Contents(tuple(sorted(packages)), distribution)


def text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = tar.extractfile(member)
    return file.read().decode("utf-8", errors="replace") if file else ""


def debian(status: str) -> Iterator[Package]:
    """The installed packages of dpkg's status file."""
    for paragraph in status.split("\n\n"):
        fields = HeaderParser().parsestr(paragraph.lstrip("\n"))
        name, version = fields["Package"], fields["Version"]
        if not name or not version or "installed" not in (fields["Status"] or "").split():
            continue
        # `Source: glibc (2.41-1)`: the version stands there only where it differs.
        source, _, source_version = (fields["Source"] or name).partition(" ")
        yield Package(
            "deb",
            name,
            version,
            fields["Architecture"] or "",
            source,
            source_version.strip("()") or version,
        )


def python(metadata: str) -> Iterator[Package]:
    fields = HeaderParser().parsestr(metadata)
    if fields["Name"] and fields["Version"]:
        name = fields["Name"].lower().replace("_", "-").replace(".", "-")
        yield Package("pypi", name, fields["Version"], licence=fields["License-Expression"] or "")


def release(text: str) -> str:
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values.get("VERSION_ID", "").strip('"')


def purl(package: Package, distribution: str) -> str:
    version = quote(package.version, safe="")
    if package.ecosystem == "pypi":
        return f"pkg:pypi/{quote(package.name)}@{version}"
    return (
        f"pkg:deb/debian/{quote(package.name, safe='')}@{version}"
        f"?arch={package.architecture}&distro=debian-{distribution}"
    )


def render(artifact: Artifact, contents: Contents) -> dict[str, Any]:
    """The document, by CycloneDX' published schema."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # The same image has the same document.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, artifact.image)}",
        "version": 1,
        "metadata": {
            "timestamp": artifact.built_at,
            "component": {
                "bom-ref": artifact.image,
                "type": "container",
                "name": "storestack/store",
                "version": artifact.version,
                "hashes": [{"alg": "SHA-256", "content": artifact.image.removeprefix("sha256:")}],
            },
        },
        "components": [component(package, contents.distribution) for package in contents.packages],
    }


def component(package: Package, distribution: str) -> dict[str, Any]:
    address = purl(package, distribution)
    found: dict[str, Any] = {
        "bom-ref": address,
        "type": "library",
        "name": package.name,
        "version": package.version,
        "purl": address,
    }
    if package.licence:
        found["licenses"] = [{"expression": package.licence}]
    return found
