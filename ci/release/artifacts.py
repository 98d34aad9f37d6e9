"""Artifacts: what a build leaves: the image in the engine, and its papers in `.state/builds/<version>/`.

The digest that is recorded is the image's id: the engine's own SHA-256 over its configuration and layers,
which no other image can have.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.images import Image

from ci import deployment
from ci.deployment import DeploymentError

REPOSITORY: Final = "storestack/store"
TITLE: Final = "org.opencontainers.image.title"
BUNDLED: Final = "storestack store"
VERSION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Artifact:
    """An image that can be released. `image` is its id; `bundled`: it is a build of the kit's own store."""

    version: str
    image: str
    commit: str
    bundled: bool
    built_at: str = ""
    base: str = ""


def folder(version: str) -> Path:
    """Where the papers of a version are. Raises DeploymentError for what is no version."""
    if not VERSION.fullmatch(version):
        raise DeploymentError(f'"{version}" is no version: use what `make build` or `make live` prints')
    return deployment.STATE / "builds" / version


def save(artifact: Artifact) -> Path:
    place = folder(artifact.version)
    place.mkdir(parents=True, exist_ok=True)
    path = place / "build.json"
    path.write_text(json.dumps(asdict(artifact), indent=2) + "\n", encoding="utf-8")
    return path


def load(version: str) -> Artifact | None:
    """What was recorded of a version's build here."""
    path = folder(version) / "build.json"
    return Artifact(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def built(client: docker.DockerClient, version: str) -> Artifact:
    """A version that was built here: from its papers, or from the engine where `make up` built it.

    Raises DeploymentError when its image is not in the engine any more.
    """
    known = load(version)
    reference = known.image if known else f"{REPOSITORY}:{version}"
    try:
        image = client.images.get(reference)
    except (ImageNotFound, NotFound):
        raise DeploymentError(
            f"version {version} is not on this engine ({reference}): build it again from its commit"
        ) from None
    return known or describe(image, version)


def named(client: docker.DockerClient, reference: str) -> Artifact:
    """An image by its name or id, pulled if the engine has none of that name. Raises DeploymentError."""
    try:
        image = client.images.get(reference)
    except (ImageNotFound, NotFound):
        image = pull(client, reference)
    except APIError as error:
        raise DeploymentError(f'image "{reference}": {error.explanation}') from None
    return describe(image, version_of(reference, str(image.id)))


def pull(client: docker.DockerClient, reference: str) -> Image:
    if re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", reference):
        raise DeploymentError(f"image {reference} is not on this engine: name one that `docker images` lists")
    try:
        return client.images.pull(reference)
    except (APIError, NotFound) as error:
        raise DeploymentError(
            f'image "{reference}" is neither on this engine nor in its registry: {error.explanation}'
        ) from None


def version_of(reference: str, image: str) -> str:
    """What an image that has no papers is called: its tag, or the start of its id."""
    tag = reference.rsplit("/", 1)[-1].partition("@")[0].partition(":")[2]
    if reference.startswith("sha256:") or not VERSION.fullmatch(tag) or tag == "latest":
        return image.removeprefix("sha256:")[:12]
    return tag


def find(image: str) -> Artifact | None:
    """The papers of an image that was built here, by its id."""
    for papers in (deployment.STATE / "builds").glob("*/build.json"):
        artifact = Artifact(**json.loads(papers.read_text(encoding="utf-8")))
        if artifact.image == image:
            return artifact
    return None


def describe(image: Image, version: str) -> Artifact:
    """What can be said of an image of the engine: its papers, if it has any, or its labels."""
    known = find(str(image.id))
    if known is not None:
        return known
    labels = image.labels or {}
    return Artifact(
        labels.get("org.opencontainers.image.version", version),
        str(image.id),
        labels.get("org.opencontainers.image.revision", "unknown"),
        labels.get(TITLE) == BUNDLED,
    )
