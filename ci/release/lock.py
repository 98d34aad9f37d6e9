"""One change of a stack at a time. The second says who holds the stack since when, and ends.

The kernel drops the lock with the process that holds it, so a killed release never leaves it behind. Where
the state is in a bucket, releases on other machines are kept out too, by a lease that ends after its holder.
"""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from ci import deployment
from ci.deployment import DeploymentError
from ci.release import bucket
from ci.release.people import who

FOLDER: Final = "locks"


def path(stack: str) -> Path:
    return deployment.STATE / FOLDER / f"{stack}.lock"


@contextlib.contextmanager
def hold(stack: str, what: str) -> Iterator[None]:
    """Hold a stack for `what`. Raises DeploymentError at once while another process holds it."""
    holder = {
        "what": what,
        "who": who(),
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with take(stack) as file:
        file.truncate(0)
        file.write(json.dumps(holder))
        file.flush()
        place = bucket.find(stack)
        if place is None:
            yield
            return
        with bucket.lease(place, holder) as other:
            if other is not None:
                raise DeploymentError(describe(stack, json.dumps(other)))
            yield


def take(stack: str) -> IO[str]:
    """The stack's lock file, locked. Raises DeploymentError with its holder."""
    file = path(stack)
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        # Appending, since the holder's words must survive those who only ask.
        handle = file.open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            holder = handle.read()
            handle.close()
            raise DeploymentError(describe(stack, holder)) from None
        try:
            same = file.stat().st_ino == os.fstat(handle.fileno()).st_ino
        except FileNotFoundError:
            same = False
        if same:
            return handle
        # Its holder removed the stack, and the file with it: this lock is of nothing.
        handle.close()


def describe(stack: str, holder: str) -> str:
    try:
        known = json.loads(holder)
    except ValueError:
        return f"{stack} is held by another process that has just begun: wait for its end"
    return (
        f"{stack} is held by `{known['what']}` of {known['who']}, process {known['process']} on"
        f" {known['host']}, since {known['since']}: wait for its end"
    )


def forget(stack: str) -> None:
    """Remove the file of a removed stack; whoever waits for it finds that it is gone."""
    path(stack).unlink(missing_ok=True)
