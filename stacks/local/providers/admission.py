"""Admission: web containers take traffic only after each was healthy and answered its smoke test.

Until then the balancer's server list is untouched, so a broken image leaves the old version serving.
"""

import csv
import io
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from stacks.local.providers.base import Failure, Provider, changed, given, say
from stacks.local.providers.files import Volume

if TYPE_CHECKING:
    from docker.models.containers import Container

ADMISSION_PATH: Final = "/etc/admission"
# A container may be healthy a moment before its first page is warm; three tries, then it is broken.
SMOKE_TRIES: Final = 3
SMOKE_SECONDS: Final = 10
# What curl ends with while a program does not listen yet: no name, refused, no time, no answer.
NOT_YET: Final = (6, 7, 28, 52, 56)
# The balancer checks every server within a few seconds of a reload.
UP_SECONDS: Final = 30


class AdmissionProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        admit(props, {})
        return CreateResult(props["stack"], given(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        admit(news, olds)
        return UpdateResult(given(news))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return changed(olds, news, "servers", "files", "volume", "balancer")


def admit(props: Mapping[str, Any], olds: Mapping[str, Any]) -> None:
    """Test the containers that are new, then let the balancer use exactly `servers`."""
    from docker.errors import NotFound

    from stacks.local.providers import engine

    client = engine.connect()
    stack = props["stack"]
    balancers = engine.running(client, stack, "balancer")
    if not balancers:
        raise Failure("the balancer is not running, so nothing can be admitted to it: run `make up` again")
    balancer = balancers[0]
    for name in [name for name in props["servers"] if name not in olds.get("servers", [])]:
        try:
            container = client.containers.get(name)
        except NotFound:
            raise Failure(f"container {name} is gone: run `make up` again") from None
        deadline = time.monotonic() + float(props["ready_seconds"])
        engine.await_health(container, float(props["ready_seconds"]))
        for path in props["smoke_paths"]:
            smoke(balancer, f"http://{name}:{int(props['port'])}{path}", props["host"], deadline)
        say("admission", f"{name} is healthy and passed its smoke test")

    def install(files: Mapping[str, str]) -> None:
        volume = Volume(props["volume"], ADMISSION_PATH, files)
        engine.write(client, stack, props["image"], volume, uid=int(props["uid"]), mode=0o444)
        code, output = engine.execute(balancer, "reload")
        if code:
            raise Failure(f"the balancer refused its new server list and serves on as before: {output}")

    before = engine.read(client, stack, props["image"], Volume(props["volume"], ADMISSION_PATH, {}))
    try:
        install(props["files"])
        await_servers(balancer, props["servers"])
    except Failure:
        install(before)
        raise
    say("admission", f"{len(props['servers'])} web containers take traffic")


def smoke(balancer: "Container", url: str, host: str, deadline: float) -> None:
    """Ask one web container for one path, past the balancer but from its place in the network.

    While it takes no connection, or says 503, it is still starting, until the deadline.
    """
    from stacks.local.providers import engine

    curl = ("curl", "--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}")
    headers = ("--header", f"Host: {host}", "--header", "X-Forwarded-Proto: https")
    limit = ("--max-time", str(SMOKE_SECONDS))
    tries = SMOKE_TRIES
    while tries:
        code, answer = engine.execute(balancer, *curl, *headers, *limit, url)
        if code == 0 and answer[:1] in ("2", "3"):
            return
        starting = code in NOT_YET or answer == "503"
        if not starting or time.monotonic() > deadline:
            tries -= 1
        time.sleep(1)
    said = f"answered {answer}" if code == 0 else f"failed: {answer.splitlines()[0]}"
    raise Failure(f"not admitted: the smoke test of {url} {said}; the version before it serves on")


def await_servers(balancer: "Container", names: Sequence[str]) -> None:
    """Wait until the balancer itself sees every server up."""
    deadline = time.monotonic() + UP_SECONDS
    while True:
        states = server_states(balancer)
        down = [name for name in names if not states.get(name, "unknown").startswith("UP")]
        if not down:
            return
        if time.monotonic() > deadline:
            raise Failure(
                f"the balancer sees {down[0]} as {states.get(down[0], 'unknown')} for {UP_SECONDS} s;"
                " the version before it serves on"
            )
        time.sleep(0.25)


def server_states(balancer: "Container") -> dict[str, str]:
    """State by server name, from the worker that serves now."""
    from stacks.local.providers import engine

    ask = "echo '@1 show stat' | socat -t 5 - UNIX-CONNECT:/run/master.sock"
    _, text = engine.execute(balancer, "sh", "-c", ask)
    rows = csv.DictReader(io.StringIO(text.lstrip("# ")))
    return {row["svname"]: row["status"] for row in rows if row.get("svname") and row.get("status")}


class Admission(Resource, module="storestack", name="Admission"):
    """The web containers that the balancer sends requests to."""

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        servers: Sequence[pulumi.Input[str]],
        files: pulumi.Input[Mapping[str, str]],
        volume: pulumi.Input[str],
        balancer: pulumi.Input[str],
        image: pulumi.Input[str],
        uid: int,
        port: int,
        host: str,
        smoke_paths: Sequence[str],
        ready_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "stack": stack,
            "servers": list(servers),
            "files": files,
            "volume": volume,
            "balancer": balancer,
            "image": image,
            "uid": uid,
            "port": port,
            "host": host,
            "smoke_paths": list(smoke_paths),
            "ready_seconds": ready_seconds,
        }
        super().__init__(AdmissionProvider(), name, props, opts)
