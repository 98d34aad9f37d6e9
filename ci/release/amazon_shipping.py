"""A release on AWS: the image into the registry, migrations by the release task, then the services.

The stack's state says what is live, not the file of settings: a pipeline starts from a fresh checkout, whose
file knows of no release. So what is live is written into the settings before anything else is changed.
"""

import json
from typing import Any, Final

import docker

from ci import deployment, environments
from ci.deployment import DeploymentError
from ci.release import amazon, journal, smoke
from ci.release.artifacts import Artifact
from ci.release.journal import Attempt, Entry

TASK: Final = "**store-release-task**"


def is_on_aws(stack: str) -> bool:
    """Whether the stack's settings put it there."""
    file = environments.path(stack)
    return file.exists() and "storestack:target: aws" in file.read_text(encoding="utf-8")


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs. Raises DeploymentError for one that has no registry yet."""
    found: dict[str, Any] = json.loads(deployment.ask("stack", "output", "--json", "--stack", stack))
    if "image_repository" not in found:
        raise DeploymentError(f"{stack} has no registry yet: `pulumi up -s {stack}` makes all but the store")
    return found


def configure(stack: str, **values: str) -> None:
    pairs = [word for key, value in values.items() for word in ("--plaintext", f"store:{key}={value}")]
    deployment.ask("config", "set-all", *pairs, "--stack", stack)


def restore(stack: str) -> dict[str, Any]:
    """Write what is live into the settings, and return the stack's outputs."""
    found = outputs(stack)
    if image := found.get("image"):
        file = environments.path(stack).read_text(encoding="utf-8")
        compute = {"compute": "containers"} if "store:compute: none" in file else {}
        configure(stack, image=image, release_image=image, **compute)
    return found


def digest_of(reference: str) -> str:
    return reference.partition("@")[2]


def release(stack: str, verb: str, artifact: Artifact, engine: docker.DockerClient) -> None:
    """Bring an image of this engine into a stack, which the caller holds."""
    found = outputs(stack)
    digest = amazon.push(engine, artifact.image, artifact.version, found)
    bring(stack, verb, Attempt(artifact.version, digest, artifact.commit))


def promote(source: str, target: str, engine: docker.DockerClient) -> None:
    """Release in one stack the manifest that serves in another. The caller holds the target."""
    serving, into = outputs(source), outputs(target)
    reference = str(serving.get("image") or "")
    entry = live(source)
    if reference.partition("@")[0] != into["image_repository"]:
        image = amazon.pull(engine, reference, serving.get("region"))
        pushed = amazon.push(engine, image, entry.version, into)
        if pushed != digest_of(reference):
            raise DeploymentError(
                f"{target} has {pushed} under version {entry.version}, and {source} serves"
                f" {digest_of(reference)}: they are not the same image"
            )
    bring(target, "promote", Attempt(entry.version, digest_of(reference), entry.commit))


def bring(stack: str, verb: str, attempt: Attempt) -> None:
    """Migrate, then let ECS bring in the new tasks; `up` waits until they are steady, or have gone back."""
    file = environments.path(stack)
    with journal.record(stack, verb, attempt):
        found = restore(stack)
        before = file.read_bytes()
        reference = f"{found['image_repository']}@{attempt.image}"
        try:
            if found.get("image"):
                configure(stack, release_image=reference)
                deployment.run(stack, "up")
            else:
                # The first release: the tables must be there before any task starts.
                configure(stack, image=reference, release_image=reference, compute="containers")
                deployment.run(stack, "up", "--target", TASK, "--target-dependents")
            amazon.migrate(outputs(stack))
            configure(stack, image=reference)
            deployment.run(stack, "up")
        except BaseException:
            file.write_bytes(before)
            raise
    served = outputs(stack)
    try:
        smoke.test(served)
    except DeploymentError as error:
        raise DeploymentError(f"{error}; it serves: `make rollback STACK={stack}` goes back") from None
    print(f"  smoke test    passed; {smoke.warm(served)} pages made warm")


def live(stack: str) -> Entry:
    """What serves: the digest as the state has it, and who brought it and when as the log has it."""
    found = outputs(stack)
    if not found.get("image"):
        raise DeploymentError(f"nothing is live in {stack}: `make release STACK={stack}` brings it up")
    digest = digest_of(str(found["image"]))
    line = journal.line_of(journal.read(stack))
    if line and line[-1].image == digest:
        return line[-1]
    return Entry("", "unknown", "", "", str(found.get("version", "")), digest, "unknown", "unknown")


def roll_back(stack: str, past: Entry) -> None:
    """Release an older manifest of the stack's own registry. The caller holds the stack."""
    bring(stack, "rollback", Attempt(past.version, past.image, past.commit))
