"""SBOM and provenance: what is in an image, and what it was made from."""

import io
import tarfile
import uuid

from ci.release import provenance, sbom
from ci.release.artifacts import Artifact, version_of

IMAGE = "sha256:" + "ab" * 32
ARTIFACT = Artifact("1a2b", IMAGE, "c0ffee+changes", True, "2026-11-23T01:00:05+00:00", "debian:trixie-slim")
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-12)
Version: 2.41-12+deb13u1
Description: GNU C Library
 one more line

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: curl
Status: install ok installed
Architecture: amd64
Version: 8.14.1-2+deb13u1
"""
METADATA = """Metadata-Version: 2.4
Name: Jinja2_Ext.x
Version: 3.1.6
License-Expression: BSD-3-Clause

Version: 9 of the text
"""


def image() -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, text in {
            "var/lib/dpkg/status": STATUS,
            "opt/venv/lib/python3.13/site-packages/jinja2-3.1.6.dist-info/METADATA": METADATA,
            "usr/lib/os-release": 'NAME="Debian"\nVERSION_ID="13"\n',
            "srv/app/METADATA": "Name: none\nVersion: 1\n",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    stream.seek(0)
    return stream


def test_what_is_installed_is_found_and_nothing_else() -> None:
    contents = sbom.scan(image())
    assert [(p.name, p.version) for p in contents.packages] == [
        ("curl", "8.14.1-2+deb13u1"),
        ("libc6", "2.41-12+deb13u1"),
        ("jinja2-ext-x", "3.1.6"),
    ]
    assert contents.distribution == "13"


def test_debians_advisories_name_the_source_package_and_its_version() -> None:
    libc = next(package for package in sbom.scan(image()).packages if package.name == "libc6")
    assert (libc.source, libc.source_version) == ("glibc", "2.41-12")


def test_an_image_is_read_in_whatever_pieces_it_comes() -> None:
    whole = image().read()
    pieces = (whole[at : at + 97] for at in range(0, len(whole), 97))
    assert sbom.scan(io.BufferedReader(sbom.Feed(pieces))) == sbom.scan(image())


def test_the_bill_names_the_image_by_its_digest_and_is_the_same_each_time() -> None:
    document = sbom.render(ARTIFACT, sbom.scan(image()))
    assert document == sbom.render(ARTIFACT, sbom.scan(image()))
    assert document["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert uuid.UUID(document["serialNumber"].removeprefix("urn:uuid:"))
    references = [one["bom-ref"] for one in document["components"]]
    assert len(set(references)) == len(references) == 3
    assert "pkg:deb/debian/curl@8.14.1-2%2Bdeb13u1?arch=amd64&distro=debian-13" in references
    assert document["components"][-1]["licenses"] == [{"expression": "BSD-3-Clause"}]


def test_the_statement_says_that_the_working_copy_differed_from_its_commit() -> None:
    statement = provenance.render(ARTIFACT, "2026-11-23T01:00:00+00:00", "sha256:" + "cd" * 32)
    assert statement["subject"][0]["digest"] == {"sha256": "ab" * 32}
    definition = statement["predicate"]["buildDefinition"]
    source, base, *files = definition["resolvedDependencies"]
    assert source["digest"] == {"gitCommit": "c0ffee"}
    assert source["annotations"] == {"uncommitted": True}
    assert base["digest"] == {"sha256": "cd" * 32}
    assert {file["name"] for file in files} == {"Dockerfile", "requirements/store.lock"}
    assert statement["predicate"]["runDetails"]["metadata"]["finishedOn"] == "2026-11-23T01:00:05Z"


def test_an_image_without_papers_is_called_by_its_tag_or_its_id() -> None:
    assert version_of("registry.example.com:5000/shop:1.2@sha256:" + "0" * 64, IMAGE) == "1.2"
    for reference in ("registry.example.com:5000/shop", "shop:latest", IMAGE):
        assert version_of(reference, IMAGE) == "abababababab"
