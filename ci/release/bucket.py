"""Where releases meet when they start on different machines: the bucket that holds Pulumi's state.

With `PULUMI_BACKEND_URL=s3://…` a stack's lock and its audit log are objects beside the state, written
only under a condition that S3 checks: two can never both succeed. Any other backend keeps them in `.state/`.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from ci.deployment import DeploymentError

FOLDER: Final = ".storestack"
# A release says that it lives three times within its lease; one whose lease has run out is dead.
LEASE: Final = timedelta(minutes=5)
RENEWAL_SECONDS: Final = 100
MISSING: Final = "the SDK of AWS is not installed: run `make aws`"
# What S3 answers when the condition of a write does not hold.
REFUSED: Final = ("PreconditionFailed", "ConditionalRequestConflict")


def client(service: str, region: str | None = None) -> Any:
    """A client of one of AWS' services. Raises DeploymentError where the SDK is missing."""
    try:
        import botocore.session
    except ImportError:
        raise DeploymentError(MISSING) from None
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return botocore.session.get_session().create_client(service, region_name=region)


def code(error: Exception) -> str:
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


@dataclass(frozen=True)
class Bucket:
    """The place of one stack in a bucket."""

    s3: Any
    name: str
    prefix: str

    def put(self, key: str, body: str, **condition: str) -> bool:
        """Write an object; whether its condition held. Raises DeploymentError for any other refusal."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.s3.put_object(Bucket=self.name, Key=f"{self.prefix}/{key}", Body=body.encode(), **condition)
        except ClientError as error:
            if code(error) in REFUSED:
                return False
            raise DeploymentError(f"s3://{self.name}/{self.prefix}/{key}: {error}") from None
        except BotoCoreError as error:
            raise DeploymentError(f"s3://{self.name}/{self.prefix}/{key}: {error}") from None
        return True

    def get(self, key: str) -> tuple[str, str] | None:
        """An object's text and tag; None where there is none."""
        from botocore.exceptions import ClientError

        try:
            found = self.s3.get_object(Bucket=self.name, Key=f"{self.prefix}/{key}")
        except ClientError as error:
            if code(error) in ("NoSuchKey", "404"):
                return None
            raise DeploymentError(f"s3://{self.name}/{self.prefix}/{key}: {error}") from None
        return found["Body"].read().decode(), str(found["ETag"])

    def keys(self, folder: str) -> list[str]:
        """The keys below a folder, in their order."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=f"{self.prefix}/{folder}/"
        )
        found = [entry["Key"] for page in pages for entry in page.get("Contents") or []]
        return sorted(key.removeprefix(f"{self.prefix}/") for key in found)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.name, Key=f"{self.prefix}/{key}")


def find(stack: str) -> Bucket | None:
    """The stack's place in the backend's bucket; None for a backend that is none."""
    url = urlsplit(os.environ.get("PULUMI_BACKEND_URL", ""))
    if url.scheme != "s3":
        return None
    region = parse_qs(url.query).get("region", [None])[0]
    folder = "/".join(part for part in (url.path.strip("/"), FOLDER, stack) if part)
    return Bucket(client("s3", region), url.netloc, folder)


@contextlib.contextmanager
def lease(bucket: Bucket, holder: dict[str, Any]) -> Iterator[dict[str, Any] | None]:
    """Hold the stack for as long as the block runs; yields the other's words instead if one holds it."""
    other = claim(bucket, holder)
    if other is not None:
        yield other
        return
    ended = threading.Event()
    thread = threading.Thread(target=renew, args=(bucket, holder, ended), daemon=True)
    thread.start()
    try:
        yield None
    finally:
        ended.set()
        thread.join()
        bucket.delete("lock.json")


def words(holder: dict[str, Any]) -> str:
    until = (datetime.now(UTC) + LEASE).isoformat(timespec="seconds")
    return json.dumps({**holder, "until": until})


def claim(bucket: Bucket, holder: dict[str, Any]) -> dict[str, Any] | None:
    """Take the lock, or say who has it. One whose lease has run out is taken over, by one who tries."""
    for _ in range(3):
        if bucket.put("lock.json", words(holder), IfNoneMatch="*"):
            return None
        found = bucket.get("lock.json")
        if found is None:
            # Let go of in this moment.
            continue
        other: dict[str, Any] = json.loads(found[0])
        if datetime.fromisoformat(other["until"]) > datetime.now(UTC):
            return other
        if bucket.put("lock.json", words(holder), IfMatch=found[1]):
            return None
    return {**holder, "what": "another release"}


def renew(bucket: Bucket, holder: dict[str, Any], ended: threading.Event) -> None:
    while not ended.wait(RENEWAL_SECONDS):
        # One that cannot be written is tried again before the lease is over.
        with contextlib.suppress(DeploymentError):
            bucket.put("lock.json", words(holder))


def append(bucket: Bucket, line: str) -> None:
    """Add a line to the log: an object of its own, which no other write can change."""
    while not bucket.put(f"releases/{time.time_ns()}.json", line, IfNoneMatch="*"):
        time.sleep(0.001)


def lines(bucket: Bucket) -> list[str]:
    """The log, oldest first."""
    return [found[0] for key in bucket.keys("releases") if (found := bucket.get(key)) is not None]
