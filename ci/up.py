"""`make up`: bring a stack to what its settings say, step by step, and say how to use it.

Whatever stopped an earlier run, this one continues from there.
"""

import argparse
import os
import sys
import time
from typing import Final

import docker

from ci import deployment, environments, leftovers, outputs, preflight, pruning
from ci.deployment import DeploymentError, Progress
from ci.release import artifacts, journal, lock, people, previews, retention
from ci.release.journal import Attempt
from ci.toolchain.progress import format_seconds
from stacks.local.images import ROOT, digest
from stacks.settings import Settings, SettingsError

# When `make` began, in seconds since 1970, so that the time of the toolchain is told too.
STARTED: Final = "STORESTACK_STARTED"


def bring_up(stack: str, lifetime: str = "") -> None:
    """Raises DeploymentError or SettingsError with what to do about it."""
    client = preflight.connect()
    with lock.hold(stack, f"make up STACK={stack}"):
        prepare(stack, client)
        previews.note(stack, lifetime)
        settings = environments.read(stack)
        update(stack, "up", client, expected(settings))


def expected(settings: Settings) -> Attempt:
    """What an update with these settings brings; the image of one that is yet to be built is not known."""
    store = settings.store
    if store.image is None:
        return Attempt(digest(ROOT, "store", settings.images.base), "", people.commit())
    known = artifacts.find(store.image)
    version = store.version or artifacts.version_of(store.image, store.image)
    return Attempt(version, known.image if known else "", known.commit if known else "unknown")


def prepare(stack: str, client: docker.DockerClient) -> None:
    """See to it that the stack has settings and a place in the backend."""
    if environments.make(stack, client):
        print(f"  made {environments.path(stack).name} with free ports and a free subnet")
    environments.read(stack)
    if not deployment.exists(stack):
        deployment.ask("stack", "init", stack, "--no-select")


def update(stack: str, verb: str, client: docker.DockerClient, attempt: Attempt) -> None:
    """Bring the stack to its settings. The caller holds it; the audit log has the start and the end."""
    started = float(os.environ.get(STARTED) or time.time())
    times = {"before": time.time() - started}
    checking = time.time()
    with journal.record(stack, verb, attempt):
        settings = environments.read(stack)
        leftovers.unlock(stack)
        leftovers.silence()
        resources = leftovers.settle(stack)
        leftovers.sweep(stack, client, resources)
        leftovers.refresh(stack, client, resources)
        preflight.check(settings, client)
        times["preflight"] = time.time() - checking

        updating = time.time()
        progress = deployment.run(stack, "up")
        times["update"] = time.time() - updating
        attempt.image = running_image(stack, client)
    retention.keep(stack, client, settings.images.keep)
    gone = pruning.prune(client, settings.images.keep)
    if gone:
        print(f"  pruned {len(gone)} old images; the newest {settings.images.keep} of each role stay")
    times["total"] = time.time() - started
    summarize(settings, progress, times)


def running_image(stack: str, client: docker.DockerClient) -> str:
    """The id of the image that the web containers run, as the engine has it."""
    labels = [f"{leftovers.LABEL}={stack}", "storestack.role=web"]
    containers = client.containers.list(filters={"label": labels}, ignore_removed=True)
    # The newest comes first.
    return str(containers[0].attrs["Image"]) if containers else ""


def summarize(settings: Settings, progress: Progress, times: dict[str, float]) -> None:
    found = outputs.read(settings.stack)
    authority = found.get("ca_certificate_path")
    print(f"\nThe stack {settings.stack} is up, version {found['version']}.")
    print(f"  store         {found['url']}")
    print(f"  back office   {found['back_office_url']}")
    stack = "" if settings.stack == "local" else f" STACK={settings.stack}"
    print(f"                `make login{stack}` prints a one-time link for its first administrator")
    if authority:
        print(f"  authority     {authority}  (trust it in the browser, or give it to a client:)")
        print(f"                curl --cacert {authority} {found['url']}/api/v1/products")
    print(f"  log           {deployment.log_path(settings.stack, 'up')}")
    changes = ", ".join(f"{count} {op}" for op, count in sorted(progress.changes.items()))
    print(f"  changes       {changes}")
    stages = {name: last - first for name, (first, last) in progress.stages.items()}
    print("  time          " + ", ".join(f"{name} {format_seconds(spent)}" for name, spent in times.items()))
    if stages:
        # They overlap, so they do not add up to the update's time.
        parts = ", ".join(f"{name} {format_seconds(spent)}" for name, spent in stages.items())
        print(f"  of the update {parts}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--ttl", default="", help="time to live of a preview, such as 72h or 7d")
    arguments = parser.parse_args()
    try:
        bring_up(arguments.stack, arguments.ttl)
    except (DeploymentError, SettingsError) as error:
        deployment.report(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
