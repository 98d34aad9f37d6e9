"""VolumeFiles: a role's configuration and secrets, validated before they are written, live afterwards.

Containers have read-only roots, so both come to them through volumes. The files are tried in a throwaway
container of the role's own image first; a set that its `validate` refuses never reaches the volume.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from stacks.local.providers.base import Failure, Provider, given
from stacks.local.providers.files import Volume, archive
from stacks.local.providers.files import digest as digest_files

if TYPE_CHECKING:
    import docker

CONFIGURATION_PATH: Final = "/etc/storestack"
SECRETS_PATH: Final = "/run/secrets"
MODES: Final = {CONFIGURATION_PATH: 0o444, SECRETS_PATH: 0o400}
RESTART_NEEDED: Final = 3
HEALTH_SECONDS: Final = 120


class VolumeFilesProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        self.apply(props, {})
        return CreateResult(f"{props['stack']}/{props['role']}", {**given(props), "digest": digest(props)})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        self.apply(news, olds)
        return UpdateResult({**given(news), "digest": digest(news)})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        names = ["configuration", "configuration_volume", "secrets", "secrets_volume", "uid", "validate"]
        # A new version of a program may read the same file otherwise: validate again.
        names += ["image"] if news.get("validate") else []
        drifted = olds.get("digest") != digest(olds)
        return DiffResult(changes=drifted or any(olds.get(name) != news.get(name) for name in names))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        from stacks.local.providers import engine

        found: dict[str, str] = {}
        client = engine.connect()
        for volume in volumes(props):
            files = engine.read(client, props["stack"], props["image"], volume)
            found.update({f"{volume.path}/{path}": text for path, text in files.items()})
        return ReadResult(id_, {**given(props), "digest": digest_files(found)})

    def apply(self, props: Mapping[str, Any], olds: Mapping[str, Any]) -> None:
        """Validate, write, reload. When the reload fails, the old files are put back."""
        from stacks.local.providers import engine

        client = engine.connect()
        stack, role, image, uid = props["stack"], props["role"], props["image"], int(props["uid"])
        wanted = volumes(props)
        if props.get("validate"):
            validate(client, props, wanted)
        for volume in wanted:
            engine.write(client, stack, image, volume, uid=uid, mode=MODES[volume.path])
        # A container of another image is about to be replaced; it may not even understand the new files.
        successor = image != olds.get("image", image)
        try:
            for container in [] if successor else engine.running(client, stack, role):
                reload(container)
        except Failure:
            for volume in volumes(olds):
                engine.write(client, stack, image, volume, uid=uid, mode=MODES[volume.path])
            raise


def volumes(props: Mapping[str, Any]) -> list[Volume]:
    """The volumes of a role that are filled by files."""
    pairs = (("configuration", CONFIGURATION_PATH), ("secrets", SECRETS_PATH))
    return [
        Volume(props[f"{kind}_volume"], path, props.get(kind) or {})
        for kind, path in pairs
        if props.get(f"{kind}_volume")
    ]


def digest(props: Mapping[str, Any]) -> str:

    files = {
        f"{volume.path}/{path}": text for volume in volumes(props) for path, text in volume.files.items()
    }
    return digest_files(files)


def validate(client: "docker.DockerClient", props: Mapping[str, Any], wanted: Sequence[Volume]) -> None:
    """Run the image's own `validate` over the new files, in volumes that vanish with the container."""
    from docker.types import Mount

    from stacks.local.providers import engine

    # A volume without a source is anonymous: it starts with the owner the image gives the mount point.
    paths = [*(volume.path for volume in wanted), *props["scratch"]]
    mounts = [Mount(target=path, source=None) for path in paths]
    options = {**engine.HARDENING, "mounts": mounts, "entrypoint": [], "mem_limit": "512m"}
    with engine.created(client, props["stack"], props["image"], ["validate"], **options) as container:
        for volume in wanted:
            if volume.files:
                files = archive(volume.files, int(props["uid"]), MODES[volume.path])
                container.put_archive(volume.path, files)
        container.start()
        if container.wait(timeout=HEALTH_SECONDS)["StatusCode"]:
            reason = engine.last_lines(container) or "(no reason given)"
            raise Failure(f"{props['role']}: the new configuration is refused and was not written: {reason}")


def reload(container: Any) -> None:
    """Make a running container use what its volumes now hold; restart it where it cannot be told."""
    from stacks.local.providers import engine

    code, output = engine.execute(container, "reload")
    if code == RESTART_NEEDED:
        container.restart(timeout=60)
        engine.await_health(container, HEALTH_SECONDS)
    elif code:
        raise Failure(f"{container.name} refused to reload and serves on as before: {output}")


class VolumeFiles(Resource, module="storestack", name="VolumeFiles"):
    """Files of one role. `secrets` are encrypted in state and hidden in previews, whatever they are made of.

    `scratch`: folders that the image's `validate` writes to, beside /tmp and /run.
    """

    digest: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        role: str,
        image: pulumi.Input[str],
        uid: int,
        configuration: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        configuration_volume: pulumi.Input[str] | None = None,
        secrets: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        secrets_volume: pulumi.Input[str] | None = None,
        validate: bool = True,
        scratch: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "stack": stack,
            "role": role,
            "image": image,
            "uid": uid,
            "configuration": configuration,
            "configuration_volume": configuration_volume,
            "secrets": None if secrets is None else pulumi.Output.secret(secrets),
            "secrets_volume": secrets_volume,
            "validate": validate,
            "scratch": list(scratch),
            "digest": None,
        }
        super().__init__(VolumeFilesProvider(), name, props, opts)
