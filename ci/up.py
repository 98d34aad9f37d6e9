"""`make up`: bring a stack to what its settings say, step by step, and say how to use it.

Whatever stopped an earlier run, this one continues from there.
"""

import os
import sys
import time
from typing import Final

from ci import deployment, environments, leftovers, outputs, preflight, pruning
from ci.deployment import DeploymentError, Progress
from ci.toolchain.progress import format_seconds
from stacks.settings import Settings, SettingsError

# When `make` began, in seconds since 1970, so that the time of the toolchain is told too.
STARTED: Final = "STORESTACK_STARTED"


def bring_up(stack: str) -> None:
    """Raises DeploymentError or SettingsError with what to do about it."""
    started = float(os.environ.get(STARTED) or time.time())
    times = {"toolchain": time.time() - started}
    checking = time.time()
    client = preflight.connect()
    if environments.make(stack, client):
        print(f"  made {environments.path(stack).name} with free ports and a free subnet")
    settings = environments.read(stack)
    if not deployment.exists(stack):
        deployment.ask("stack", "init", stack, "--no-select")
    leftovers.unlock(stack)
    resources = leftovers.settle(stack)
    leftovers.sweep(stack, client, resources)
    leftovers.refresh(stack, client, resources)
    preflight.check(settings, client)
    times["preflight"] = time.time() - checking

    updating = time.time()
    progress = deployment.run(stack, "up")
    times["update"] = time.time() - updating
    gone = pruning.prune(client, settings.images.keep)
    if gone:
        print(f"  pruned {len(gone)} old images; the newest {settings.images.keep} of each role stay")
    times["total"] = time.time() - started
    summarize(settings, progress, times)


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
    stack = sys.argv[1]
    try:
        bring_up(stack)
    except (DeploymentError, SettingsError) as error:
        deployment.report(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
