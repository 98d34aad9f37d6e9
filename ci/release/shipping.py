"""Ship, promote, roll back: one image, by its digest, into a stack, in the order of the stack's graph.

The image's id stands in the stack's settings (`store:image`), so `pulumi up` by hand brings the same. A
release that fails puts the settings back, and the version before serves on. A rollback is a release of an
older image: it never undoes the schema, which every version shares with the one before it.
"""

import json
from typing import Final

import docker

from ci import deployment, environments, outputs, preflight, up
from ci.deployment import DeploymentError
from ci.release import amazon_shipping, artifacts, building, journal, lock, smoke
from ci.release.artifacts import Artifact
from ci.release.journal import Attempt, Entry

KEYS: Final = ("store:image", "store:bundled", "store:version")


def ship(stack: str, *, image: str = "", version: str = "") -> None:
    """Release an image by name or id, a version that was built, or what this checkout holds."""
    client = preflight.connect()
    with lock.hold(stack, f"make release STACK={stack}"):
        if image:
            artifact = artifacts.named(client, image)
        elif version:
            artifact = artifacts.built(client, version)
        else:
            artifact = building.build()
        if amazon_shipping.is_on_aws(stack):
            amazon_shipping.release(stack, "release", artifact, client)
        else:
            release(stack, "release", artifact, client)


def promote(source: str, target: str) -> None:
    """Release in one stack exactly what serves in another."""
    client = preflight.connect()
    kinds = {amazon_shipping.is_on_aws(stack) for stack in (source, target)}
    with lock.hold(target, f"make promote FROM={source} TO={target}"):
        if kinds == {True}:
            amazon_shipping.promote(source, target, client)
        elif kinds == {False}:
            release(target, "promote", artifacts.named(client, live(source).image), client)
        else:
            raise DeploymentError(
                f"{source} and {target} are not on the same target, so an image has no digest that both know:"
                f" `make release STACK={target}` from the same commit"
            )


def roll_back(stack: str, *, version: str = "") -> None:
    """Release the version before the live one, or one by name. The schema stays as it is."""
    with lock.hold(stack, f"make rollback STACK={stack}"):
        past = [entry for entry in behind(stack) if not version or entry.version == version]
        if not past:
            raise DeploymentError(
                f"{stack} was never at version {version}: `make releases STACK={stack}` lists what it was at"
                if version
                else f"{stack} has no version before this one, so there is nothing to go back to"
            )
        print(f"  back to version {past[-1].version}; the schema stays as it is: a rollback never undoes it")
        if amazon_shipping.is_on_aws(stack):
            amazon_shipping.roll_back(stack, past[-1])
            return
        client = preflight.connect()
        release(stack, "rollback", artifacts.named(client, past[-1].image), client)


def behind(stack: str) -> list[Entry]:
    """What a stack can go back to, oldest first.

    A release that was killed left its image in the settings and never became live: going back from it is to
    what serves.
    """
    line = journal.line_of(journal.read(stack))
    if not amazon_shipping.is_on_aws(stack):
        wanted = environments.read(stack).store.image
        if line and wanted and wanted != line[-1].image:
            return line
    return line[:-1]


def release(stack: str, verb: str, artifact: Artifact, client: docker.DockerClient) -> None:
    """Bring an image into a stack. The caller holds it. Raises DeploymentError; the old version serves on."""
    up.prepare(stack, client)
    file = environments.path(stack)
    before = file.read_bytes()
    pin(stack, artifact)
    attempt = Attempt(artifact.version, artifact.image, artifact.commit)
    try:
        up.update(stack, verb, client, attempt)
    except BaseException:
        file.write_bytes(before)
        raise
    found = outputs.read(stack)
    try:
        smoke.test(found)
    except DeploymentError as error:
        raise DeploymentError(f"{error}; it serves: `make rollback STACK={stack}` goes back") from None
    print(f"  smoke test    passed; {smoke.warm(found)} pages made warm")


def pin(stack: str, artifact: Artifact) -> None:
    """Write into the stack's settings what it is to run."""
    values = (artifact.image, str(artifact.bundled).lower(), artifact.version)
    pairs = [
        word for key, value in zip(KEYS, values, strict=True) for word in ("--plaintext", f"{key}={value}")
    ]
    deployment.ask("config", "set-all", *pairs, "--stack", stack)


def live(stack: str) -> Entry:
    """What serves in a stack: the image as the engine has it, and who brought it and when as the log has it.

    Raises DeploymentError when nothing does.
    """
    if amazon_shipping.is_on_aws(stack):
        return amazon_shipping.live(stack)
    client = preflight.connect()
    image = up.running_image(stack, client) if deployment.exists(stack) else ""
    if not image:
        raise DeploymentError(f"nothing is live in {stack}: `make up STACK={stack}` brings it up")
    line = journal.line_of(journal.read(stack))
    if line and line[-1].image == image:
        return line[-1]
    version = str(
        json.loads(deployment.ask("stack", "output", "--json", "--stack", stack)).get("version", "")
    )
    known = artifacts.find(image)
    return Entry("", "unknown", "", "", version, image, known.commit if known else "unknown", "unknown")
