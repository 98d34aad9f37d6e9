"""Images: every role's image, built by the engine from one Dockerfile and named by what went into it.

The name carries a digest of the target's own inputs, so an edit rebuilds the images it touches and no other.
Every container depends on all of them: a build that fails stops an update before it has stopped anything.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pulumi
import pulumi_docker as docker

from stacks.settings import CacheEngine, DatabaseEngine, Settings

ROOT: Final = Path(__file__).parents[2]
TARGETS: Final = (
    *(
        "edge",
        "balancer",
        "database",
        "mariadb",
        "pooler",
        "cache",
        "valkey",
        "memcached",
        "store",
        "gateway",
        "mail",
    ),
)
# Which target serves a role, by its engine.
DATABASES: Final = {DatabaseEngine.POSTGRES: "database", DatabaseEngine.MYSQL: "mariadb"}
CACHES: Final = {CacheEngine.REDIS: "cache", CacheEngine.VALKEY: "valkey", CacheEngine.MEMCACHED: "memcached"}
REPOSITORY: Final = "storestack"
# Handed to the build steps that download, so that they also work behind a TLS-inspecting proxy.
CA_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")
DIGEST_LENGTH: Final = 12
# What the engine knows an image by: it can only be the one that was meant.
IMAGE_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Stage:
    """One stage of a Dockerfile: its text, the stages it stands on, the files it copies from the context."""

    text: str
    parents: tuple[str, ...]
    sources: tuple[str, ...]


def stages(dockerfile: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name. Text before the first FROM belongs to all of them."""
    head, *blocks = re.split(r"^(?=FROM )", dockerfile, flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for block in blocks:
        first = re.match(r"FROM (\S+) AS (\S+)", block)
        if first is None:
            raise ValueError(f"Dockerfile: each FROM needs a name: {block.splitlines()[0]}")
        copies = re.findall(r"^COPY (?:--from=(\S+) )?(.+)$", block, flags=re.MULTILINE)
        parents = [first[1], *(origin for origin, _ in copies if origin)]
        sources = [path for origin, paths in copies if not origin for path in paths.split()[:-1]]
        # Comments say why; they change no image.
        text = re.sub(r"^\s*#.*\n", "", head + block, flags=re.MULTILINE)
        found[first[2]] = Stage(text, tuple(parents), tuple(sources))
    return found


def lineage(found: dict[str, Stage], target: str) -> Iterator[Stage]:
    """A stage after all the stages it stands on."""
    for parent in found[target].parents:
        if parent in found:
            yield from lineage(found, parent)
    yield found[target]


def context_files(root: Path, source: str) -> Iterator[Path]:
    """The files a COPY takes, without what .dockerignore holds back."""
    path = root / source
    candidates = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in candidates:
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file


def digest(root: Path, target: str, base: str) -> str:
    """What an image is made of, in twelve hexadecimal digits."""
    sums = hashlib.sha256(base.encode())
    for stage in lineage(stages((root / "Dockerfile").read_text(encoding="utf-8")), target):
        sums.update(stage.text.encode())
        for source in stage.sources:
            for file in context_files(root, source):
                executable = bool(file.stat().st_mode & 0o100)
                sums.update(f"{file.relative_to(root)} {executable} ".encode())
                sums.update(file.read_bytes())
    return sums.hexdigest()[:DIGEST_LENGTH]


def build_log(stack: str, target: str) -> str:
    """Where the words of a target's build go, relative to the checkout. Builds append to it."""
    return f".state/build-{stack}-{target}.log"


class Images(pulumi.ComponentResource):
    """The image id of each role (MySQL has no pooler), and the store's version: releases differ by it."""

    edge: pulumi.Output[str]
    balancer: pulumi.Output[str]
    database: pulumi.Output[str]
    pooler: pulumi.Output[str]
    cache: pulumi.Output[str]
    gateway: pulumi.Output[str]
    mail: pulumi.Output[str]
    store: pulumi.Output[str]
    version: str

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storestack:local:Images", name, None, opts)
        # Said aloud because the provider would have it the other way for anything with a name of its own; the
        # engine would then remove every container of the old image before it builds the new one.
        self.child = pulumi.ResourceOptions(parent=self, delete_before_replace=False)
        self.edge = self.built(name, "edge", settings)
        self.balancer = self.built(name, "balancer", settings)
        self.database = self.built(name, DATABASES[settings.database.engine], settings)
        if settings.database.engine is DatabaseEngine.POSTGRES:
            self.pooler = self.built(name, "pooler", settings)
        self.cache = self.built(name, CACHES[settings.cache.engine], settings)
        self.gateway = self.built(name, "gateway", settings)
        self.mail = self.built(name, "mail", settings)
        store, image = settings.store, settings.store.image
        if image is None:
            self.store = self.built(name, "store", settings)
            self.version = digest(ROOT, "store", settings.images.base)
        else:
            self.store = self.given(name, image)
            self.version = store.version or image.rsplit("/", 1)[-1].replace("@sha256:", ":")
        self.register_outputs({"store": self.store, "version": self.version})

    def built(self, name: str, target: str, settings: Settings) -> pulumi.Output[str]:
        """An image of our Dockerfile. It stays in the engine for a rollback; `make up` prunes old ones."""
        # Relative to the program's folder, so that the state holds no path of this machine.
        log = f"../{build_log(settings.stack, target)}"
        resource = f"{name}-{target}-image"
        return build(resource, target, settings.images.base, context="..", log=log, opts=self.child).image_id

    def given(self, name: str, reference: str) -> pulumi.Output[str]:
        """A store that was built before, or someone else's: by its id in this engine, or by its name."""
        if IMAGE_ID.fullmatch(reference):
            return pulumi.Output.from_input(reference)
        image = docker.RemoteImage(f"{name}-store-image", name=reference, keep_locally=True, opts=self.child)
        return image.image_id


def build(
    resource: str,
    target: str,
    base: str,
    *,
    context: str,
    log: str,
    opts: pulumi.ResourceOptions | None = None,
) -> docker.RemoteImage:
    """One target of the Dockerfile, built by the engine and named by what it is made of."""
    secrets = [docker.RemoteImageBuildSecretArgs(id="ca", src=str(CA_BUNDLE))] if CA_BUNDLE.exists() else []
    return docker.RemoteImage(
        resource,
        name=f"{REPOSITORY}/{target}:{digest(ROOT, target, base)}",
        build=docker.RemoteImageBuildArgs(
            context=context,
            dockerfile="Dockerfile",
            target=target,
            build_args={"BASE": base},
            # The build's own bridge may not reach a proxy or registry that the machine does.
            network_mode="host",
            # The error of a failed build names the command; what the command said stands only here.
            build_log_file=log,
            secrets=secrets,
        ),
        keep_locally=True,
        opts=opts,
    )
