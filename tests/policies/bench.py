"""What the pack adds to a preview of 300 resources: `python -m tests.policies.bench`.

Starts the pack as the engine does and asks it what the engine asks: its list of policies, each resource by
itself, and the stack at the end. Prints the seconds of each part; the whole must stay below 3 seconds.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time

from policies.graph import UNKNOWN, Resource
from tests.policies import engine
from tests.policies.test_sdk_names import CASES

RESOURCES = 300
LIMIT_SECONDS = 3.0


def stack() -> list[Resource]:
    """The stories' resources with known values, over and over under new names."""
    known = [
        resource
        for case in CASES
        for resource in case.resources
        if resource.type.startswith("aws:") and UNKNOWN not in resource.properties.values()
    ]
    copies = itertools.islice(itertools.cycle(known), RESOURCES)
    return [
        dataclasses.replace(resource, urn=f"{resource.urn}-{number}", name=f"{resource.name}-{number}")
        for number, resource in enumerate(copies)
    ]


def main() -> int:
    resources = stack()
    started = time.perf_counter()
    with engine.served() as client:
        engine.configure(client, "production")
        policies = len(engine.information(client).policies)
        ready = time.perf_counter()
        said = sum(len(engine.analyze(client, resource)) for resource in resources)
        alone = time.perf_counter()
        said += len(engine.analyze_stack(client, resources))
        done = time.perf_counter()
    print(f"{RESOURCES} resources, {policies} policies, {said} violations")
    print(f"start    {ready - started:6.2f} s")
    print(f"resource {alone - ready:6.2f} s  {(alone - ready) / RESOURCES * 1000:.2f} ms each")
    print(f"stack    {done - alone:6.2f} s")
    print(f"whole    {done - started:6.2f} s  of {LIMIT_SECONDS:.0f}")
    return 0 if done - started < LIMIT_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
