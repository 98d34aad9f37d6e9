"""Provenance: what an image was built from, by whom and how, as an in-toto statement with SLSA's predicate.

It is not signed, so it proves nothing to those who do not trust the place it is kept in (SLSA build level 1).
"""

import hashlib
import re
import uuid
from pathlib import Path
from typing import Any, Final

from ci.release import people
from ci.release.artifacts import REPOSITORY, Artifact
from ci.toolchain.cache import CHECKOUT

BUILD_TYPE: Final = "urn:storestack:build:dockerfile:v1"
# What is named by its own digest; the rest of the inputs is in the commit.
INPUTS: Final = ("Dockerfile", "requirements/store.lock")


def render(artifact: Artifact, began: str, base_digest: str) -> dict[str, Any]:
    """The statement, by in-toto's Statement v1 and SLSA's provenance v1."""
    commit, _, changed = artifact.commit.partition("+")
    # A pipeline's remote may hold its token.
    remote = re.sub(r"//[^/@]+@", "//", people.git("remote", "get-url", "origin"))
    sources: list[dict[str, Any]] = [
        {"name": artifact.base, "digest": {"sha256": base_digest.removeprefix("sha256:")}},
        *({"name": name, "digest": {"sha256": sha256(CHECKOUT / name)}} for name in INPUTS),
    ]
    if commit != "unknown":
        # Where the working copy differed, the commit alone does not say what was built.
        annotations = {"annotations": {"uncommitted": True}} if changed else {}
        source = f"git+{remote}" if remote else "git+file:."
        sources.insert(0, {"uri": source, "digest": {"gitCommit": commit}, **annotations})
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": REPOSITORY, "digest": {"sha256": artifact.image.removeprefix("sha256:")}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"dockerfile": "Dockerfile", "target": "store", "base": artifact.base},
                "internalParameters": {"version": artifact.version},
                "resolvedDependencies": sources,
            },
            "runDetails": {
                "builder": {"id": people.builder()},
                "metadata": {
                    "invocationId": f"urn:uuid:{uuid.uuid4()}",
                    "startedOn": utc(began),
                    "finishedOn": utc(artifact.built_at),
                },
            },
        },
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def utc(moment: str) -> str:
    return moment.replace("+00:00", "Z")
