"""`make down`: remove containers and networks, keep the data and say so; DATA=delete removes everything.

A preview, which has a time to live, is removed whole unless DATA=keep.
"""

import argparse
import sys
from typing import Final

import docker
from docker.errors import APIError

from ci import deployment, environments, leftovers, preflight, pruning
from ci.deployment import DeploymentError
from ci.release import lock, previews, retention

# Passwords the kept data was made with, the authority people trust: they stay in the stack's state.
KEPT_TYPES: Final = ("RandomSecret", "CertificateAuthority")


def take_down(stack: str, *, delete: bool) -> None:
    """Raises DeploymentError when something could not be removed."""
    client = preflight.connect()
    with lock.hold(stack, f"make down STACK={stack}"):
        remove(stack, client, delete=delete)


def remove(stack: str, client: docker.DockerClient, *, delete: bool) -> None:
    """Take a stack down. The caller holds it."""
    if deployment.exists(stack):
        leftovers.unlock(stack)
        leftovers.silence()
        # First, or the engine would wait for networks and volumes that such a container still holds.
        leftovers.sweep(stack, client, leftovers.settle(stack))
        kept = [] if delete else [f"**$pulumi-python:dynamic/storestack:{kind}::*" for kind in KEPT_TYPES]
        exclusions = [argument for pattern in kept for argument in ("--exclude", pattern)]
        deployment.run(stack, "destroy", *exclusions)
    # Also what no state knows of: the stack may have been removed by hand, or killed before it was recorded.
    leftovers.sweep(stack, client, [])
    volumes = [volume.name for volume in client.volumes.list(filters={"label": f"{leftovers.LABEL}={stack}"})]
    if not delete:
        names = ", ".join(volumes) or "none"
        print(f"The stack {stack} is down. Its data stays, in the volumes {names}; so do its secrets.")
        print(f"`make up STACK={stack}` brings it back; `make down STACK={stack} DATA=delete` removes all.")
        return
    for volume in volumes:
        remove_volume(client, volume)
    retention.forget(stack, client)
    forget(stack)
    others = client.containers.list(all=True, filters={"label": leftovers.LABEL}, ignore_removed=True)
    gone = [] if others else pruning.prune(client, keep=0)
    print(f"The stack {stack} is gone, with {len(volumes)} volumes of data and {len(gone)} images.")


def remove_volume(client: docker.DockerClient, name: str) -> None:
    try:
        client.volumes.get(name).remove()
    except APIError as error:
        raise DeploymentError(f"volume {name} cannot be removed: {error.explanation}") from None


def forget(stack: str) -> None:
    """Remove the stack from the backend, its folder, and the file of settings if `make up` made it."""
    if deployment.exists(stack):
        deployment.ask("stack", "rm", stack, "--yes", "--force", "--preserve-config")
    leftovers.forget(stack)
    for log in deployment.STATE.glob(f"build-{stack}-*.log"):
        log.unlink()
    folder = deployment.STATE / stack
    for file in folder.glob("*"):
        file.unlink()
    if folder.exists():
        folder.rmdir()
    lock.forget(stack)
    file = environments.path(stack)
    if file.exists() and file.read_text(encoding="utf-8").startswith(environments.FILE.split("{", 1)[0]):
        file.unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--data", choices=("keep", "delete"), help="keep, but for a preview: delete")
    arguments = parser.parse_args()
    try:
        data = arguments.data or ("delete" if previews.is_preview(arguments.stack) else "keep")
        take_down(arguments.stack, delete=data == "delete")
    except DeploymentError as error:
        deployment.report(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
