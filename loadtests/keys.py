"""An API key for one run's partners, made in the stack and revoked when the run is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loadtests.stack import Stack
from loadtests.target import KEY

# What loadtests/partners.py reads.
SCOPES = ("products:read", "stock:read", "orders:read")
COMMAND = ("python", "-m", "app", "key")
# Partners of a long run at a high rate are no abuse; a key that is left behind ends by itself.
PER_MINUTE = 60_000
DAYS = 2


@contextmanager
def lend_key(stack: Stack) -> Iterator[dict[str, str]]:
    """The environment that gives the generator the key; empty for a store without such keys."""
    options = ["--name", "load run", "--days", str(DAYS), "--per-minute", str(PER_MINUTE)]
    options += [option for scope in SCOPES for option in ("--scope", scope)]
    try:
        said = stack.run("worker", [*COMMAND, "create", *options])
    except (RuntimeError, IndexError) as error:
        print(f"no marketplace and no staff beside the shoppers: {error}", flush=True)
        yield {}
        return
    key = said.strip()
    try:
        yield {KEY: key}
    finally:
        stack.run("worker", [*COMMAND, "revoke", key.split("_")[1]])
