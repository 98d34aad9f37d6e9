"""Retention: what a stack can be rolled back to stays in the engine, whatever other stacks build meanwhile.

A tag of the stack's own holds each image; pruning takes away only the tags that builds made.
"""

import docker
from docker.errors import APIError, ImageNotFound

from ci.release import journal


def repository(stack: str) -> str:
    return f"storestack-{stack}/release"


def keep(stack: str, client: docker.DockerClient, number: int) -> None:
    """Hold the live image and those before it, `number` in all; let go of what is older."""
    wanted = {entry.image for entry in journal.line_of(journal.read(stack))[-number:]}
    for tag in held(stack, client):
        if client.images.get(tag).id not in wanted:
            client.images.remove(tag)
    for image in wanted:
        try:
            client.images.get(image).tag(repository(stack), image.removeprefix("sha256:")[:12])
        except ImageNotFound:
            # Someone removed it by hand; a rollback to it will say so.
            continue


def forget(stack: str, client: docker.DockerClient) -> None:
    """Let go of all that a removed stack held."""
    for tag in held(stack, client):
        try:
            client.images.remove(tag)
        except APIError:
            # A container of another stack runs from it, by its last name.
            continue


def held(stack: str, client: docker.DockerClient) -> list[str]:
    found = client.images.list(name=repository(stack))
    prefix = f"{repository(stack)}:"
    return [tag for image in found for tag in image.tags if tag.startswith(prefix)]
