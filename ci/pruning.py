"""Pruning: old images go, those of this release and the last few stay for a rollback."""

from collections import defaultdict
from typing import Final

import docker
from docker.errors import APIError

REPOSITORY: Final = "storestack/"


def surplus(tags: dict[str, str], used: set[str], keep: int) -> list[str]:
    """Which tags to remove. `tags`: creation time by tag; `used`: tags that containers run from."""
    by_role: dict[str, list[str]] = defaultdict(list)
    for tag in sorted(tags, key=lambda tag: tags[tag], reverse=True):
        by_role[tag.partition(":")[0]].append(tag)
    return [tag for newest_first in by_role.values() for tag in newest_first[keep:] if tag not in used]


def images(client: docker.DockerClient) -> tuple[dict[str, str], set[str]]:
    """Creation time of each of our tags, and those that containers of any stack are made from."""
    running = {container["ImageID"] for container in client.api.containers(all=True)}
    tags: dict[str, str] = {}
    used: set[str] = set()
    for image in client.images.list():
        for tag in image.tags:
            if tag.startswith(REPOSITORY):
                tags[tag] = str(image.attrs.get("Created", ""))
                if image.id in running:
                    used.add(tag)
    return tags, used


def prune(client: docker.DockerClient, keep: int) -> list[str]:
    """Remove images beyond the `keep` newest of each role; returns their tags. 0: all not in use."""
    gone = []
    for tag in surplus(*images(client), keep):
        try:
            client.images.remove(tag)
        except APIError:
            # A container was made from it meanwhile.
            continue
        gone.append(tag)
    return gone
