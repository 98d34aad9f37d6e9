"""The store's image for Lambda: the real adapter in it, on the stack's own database and cache."""

import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from docker.models.containers import Container

from loadtests.stack import Stack

TITLE = "storestack store on Lambda"
RUNTIME = (Path(__file__).parent / "lambda_runtime.py").read_text()
REQUESTS = [
    ("GET", "/health/live", ""),
    ("GET", "/api/v1/products", ""),
    ("POST", "/api/v1/carts", "{}"),
    ("GET", "/nowhere", ""),
]
PATIENCE_SECONDS = 60
# As Lambda and stacks/aws/functions.py set it.
VARIABLES = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_LAMBDA_FUNCTION_NAME": "store",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "AWS_LWA_PORT": "8000",
    "AWS_LWA_READINESS_CHECK_PATH": "/health/live",
}
START = 'python -c "$RUNTIME" "$REQUESTS" & sleep 1; /opt/extensions/lambda-adapter & exec python -m app web'


@pytest.fixture
def function(stack: Stack) -> Iterator[Container]:
    """One function beside the web containers, with their variables, secrets and networks."""
    images = stack.engine.images.list(filters={"label": f"org.opencontainers.image.title={TITLE}"})
    if not images:
        pytest.skip(
            "no image of `docker build --target store-lambda .` here: its adapter takes minutes to build"
        )
    web = stack.containers("web")[0].attrs
    first, *more = web["NetworkSettings"]["Networks"]
    container = stack.engine.containers.create(
        images[0],
        entrypoint=["sh", "-c"],
        command=[START],
        environment=[
            *web["Config"]["Env"],
            *(f"{name}={text}" for name, text in VARIABLES.items()),
            f"RUNTIME={RUNTIME}",
            f"REQUESTS={json.dumps(REQUESTS)}",
        ],
        volumes={
            mount["Name"]: {"bind": mount["Destination"], "mode": "rw" if mount["RW"] else "ro"}
            for mount in web["Mounts"]
            if mount["Type"] == "volume"
        },
        user=web["Config"]["User"],
        read_only=True,
        tmpfs={"/tmp": ""},  # noqa: S108 - Lambda's one writable place
        network=first,
    )
    for network in more:
        stack.engine.networks.get(network).connect(container)
    container.start()
    yield container
    container.remove(force=True)


def test_the_store_answers_a_balancers_events_through_the_adapter(function: Container) -> None:
    answers: dict[int, tuple[int, Any]] = {}
    end = monotonic() + PATIENCE_SECONDS
    while len(answers) < len(REQUESTS) and monotonic() < end:
        sleep(0.5)
        lines = function.logs(stderr=False).decode().splitlines()
        said = [json.loads(line) for line in lines if line.startswith("[")]
        answers = {number: (status, body) for number, status, body in said}
    assert [answers.get(number, (0, ""))[0] for number in range(len(REQUESTS))] == [200, 200, 201, 404]
    assert json.loads(answers[1][1])["items"]
    assert json.loads(answers[2][1])["state"] == "open"
