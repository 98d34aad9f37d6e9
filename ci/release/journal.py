"""The audit log of a stack: each attempt to change what it runs, a line when it starts and one when it ends.

Lines are only ever added, each by one write that is on disk before the release goes on. A start without an
end is a release that was killed; the next one says so in the log.
"""

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ci import deployment
from ci.release import bucket
from ci.release.people import who

STARTED: Final = "started"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
KILLED: Final = "killed"


@dataclass(frozen=True)
class Entry:
    """One line. `release` is the same for the start and the end of one attempt."""

    release: str
    at: str
    event: str
    verb: str
    version: str
    image: str
    commit: str
    who: str
    reason: str = ""
    seconds: float = 0.0


@dataclass
class Attempt:
    """A release that runs; whoever runs it fills in what it finds out."""

    version: str
    image: str
    commit: str


def path(stack: str) -> Path:
    return deployment.STATE / stack / "releases.jsonl"


def read(stack: str) -> list[Entry]:
    """All lines, oldest first. One that a full disk cut short is left out."""
    entries = []
    for line in lines(stack):
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return entries


def lines(stack: str) -> list[str]:
    place = bucket.find(stack)
    if place is not None:
        return bucket.lines(place)
    file = path(stack)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def append(stack: str, entry: Entry) -> None:
    place = bucket.find(stack)
    if place is not None:
        bucket.append(place, json.dumps(asdict(entry), ensure_ascii=False))
        return
    file = path(stack)
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, (json.dumps(asdict(entry), ensure_ascii=False) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def record(stack: str, verb: str, attempt: Attempt) -> Iterator[Attempt]:
    """Write the start and the end of an attempt; with the first line of what ended it badly."""
    bury(stack)
    began = time.monotonic()
    entry = Entry(
        uuid.uuid4().hex[:12], now(), STARTED, verb, attempt.version, attempt.image, attempt.commit, who()
    )
    append(stack, entry)

    def close(event: str, reason: str = "") -> None:
        seconds = round(time.monotonic() - began, 1)
        done = replace(entry, at=now(), event=event, reason=reason, seconds=seconds)
        append(stack, replace(done, version=attempt.version, image=attempt.image, commit=attempt.commit))

    try:
        yield attempt
    except BaseException as error:
        close(FAILED, (str(error) or type(error).__name__).splitlines()[0])
        raise
    close(SUCCEEDED)


def bury(stack: str) -> None:
    """Say of attempts that have no end that they were killed. The caller holds the stack, so none runs."""
    entries = read(stack)
    ended = {entry.release for entry in entries if entry.event != STARTED}
    for entry in entries:
        if entry.event == STARTED and entry.release not in ended:
            append(stack, replace(entry, at=now(), event=KILLED, reason="ended without a word"))


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def line_of(entries: Sequence[Entry]) -> list[Entry]:
    """The releases that a rollback can go back through, oldest first; the last one is live.

    Each is the first entry of its image's stay; a rollback takes away what it went back from.
    """
    line: list[Entry] = []
    for entry in entries:
        if entry.event != SUCCEEDED or not entry.image:
            continue
        if entry.verb == "rollback" and any(past.image == entry.image for past in line):
            while line[-1].image != entry.image:
                line.pop()
            # Who went back, and when, is what one wants to know of it.
            line[-1] = entry
        elif not line or line[-1].image != entry.image:
            line.append(entry)
    return line
