"""A real engine, an image with the commands that every image of the stack has, volumes that go again."""

import io
import tarfile
import uuid
from collections.abc import Callable, Iterator

import docker
import pytest
from docker.errors import DockerException

BASE = "debian:trixie-slim"
# `validate` refuses the word "wrong", `reload` writes down that it ran, or says what a file tells it to.
SCRIPTS = {
    "validate": "#!/bin/sh\n! grep -rn wrong /etc/storestack >&2\n",
    "reload": "#!/bin/sh\necho reloaded >> /tmp/reloads\n"
    "exit $(cat /etc/storestack/exit-code 2>/dev/null || echo 0)\n",
}
DOCKERFILE = f"""FROM {BASE}
RUN useradd --uid 10999 tester && install -d -o tester /etc/storestack /run/secrets
COPY validate reload /usr/local/bin/
USER tester
CMD ["sleep", "300"]
"""


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env()
        client.ping()
        client.images.get(BASE)
    except DockerException:
        pytest.skip("no Docker engine with the base image")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(client: docker.DockerClient) -> Iterator[str]:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, text in {**SCRIPTS, "Dockerfile": DOCKERFILE}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    context.seek(0)
    built, _ = client.images.build(
        fileobj=context, custom_context=True, tag="storestack-test/providers", rm=True
    )
    yield str(built.id)
    client.images.remove("storestack-test/providers", force=True)


@pytest.fixture
def stack(client: docker.DockerClient) -> Iterator[str]:
    """The name of a stack whose containers and volumes are removed after the test."""
    name = f"unit-{uuid.uuid4().hex[:8]}"
    yield name
    for container in client.containers.list(all=True, filters={"label": f"storestack.stack={name}"}):
        container.remove(force=True, v=True)
    for volume in client.volumes.list(filters={"label": f"storestack.stack={name}"}):
        volume.remove(force=True)


@pytest.fixture
def volume(client: docker.DockerClient, stack: str) -> Callable[[str], str]:
    def make(kind: str) -> str:
        labels = {"storestack.stack": stack}
        return str(client.volumes.create(f"storestack-{stack}-{kind}", labels=labels).name)

    return make
