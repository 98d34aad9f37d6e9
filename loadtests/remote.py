"""One task of a run on Fargate: `python -m loadtests.remote master|worker`, told by its environment.

The master waits for every worker's processes, brings the profile and writes its report, HTML and JSON, below
LOADGEN_REPORTS (s3://bucket/prefix/). It sees the store as shoppers do: the ledgers are left to `app
reconcile`, which the report says. Both read LOADGEN_PROFILE, LOADGEN_RATE and LOADGEN_SECONDS from the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from loadtests.objectives import find_voids, judge, read_objectives
from loadtests.profiles import Profile, read_profile
from loadtests.recording import Process, Recording
from loadtests.report import Report, make_report, render_html
from loadtests.sections import Section

# The image's own bundle of public authorities: the store's certificate is one of theirs.
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
LOCUST = [sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("locustfile.py")), "--headless"]
USERS_PER_RATE = 30
SPAWN_RATE_EACH = 50
# As long as Fargate may take to start the last worker.
PATIENCE_SECONDS = 600
UNCHECKED = (
    "This generator is outside the store: its ledgers were not checked. Run `python -m app reconcile` in a"
    " worker task before relying on the result."
)


def read_plan(environment: Mapping[str, str]) -> Profile:
    """The profile that the run asks for. Raises ValueError."""
    rate, seconds = environment.get("LOADGEN_RATE"), environment.get("LOADGEN_SECONDS")
    return read_profile(
        environment.get("LOADGEN_PROFILE", "smoke"),
        rate=float(rate) if rate else None,
        seconds=float(seconds) if seconds else None,
    )


def master_command(environment: Mapping[str, str], profile: Profile, record: Path) -> list[str]:
    """Locust as the master of LOADGEN_WORKERS processes."""
    workers = int(environment["LOADGEN_WORKERS"])
    users = max(round(profile.rate * USERS_PER_RATE), 50 * workers)
    return [
        *LOCUST,
        *("--master", "--expect-workers", str(workers), "--expect-workers-max-wait", str(PATIENCE_SECONDS)),
        *("--arrivals", profile.name, "--rate", str(profile.rate), "--seconds", str(profile.seconds)),
        *("-u", str(users), "-r", str(SPAWN_RATE_EACH * workers), "--record", str(record), "--only-summary"),
    ]


def worker_command(environment: Mapping[str, str]) -> list[str]:
    """Locust as LOADGEN_PROCESSES workers of the master at LOADGEN_MASTER."""
    if not environment.get("LOADGEN_MASTER"):
        raise ValueError("LOADGEN_MASTER is not set: the master task's private address")
    processes = environment.get("LOADGEN_PROCESSES", "1")
    command = [*LOCUST, "--worker", "--master-host", environment["LOADGEN_MASTER"]]
    return command if processes == "1" else [*command, "--processes", processes]


def judge_record(document: dict[str, Any], profile: Profile, environment: Mapping[str, str]) -> Report:
    """The report of what the workers measured."""
    recording = Recording(profile.slice_seconds)
    recording.merge(document["recording"])
    report = make_report(
        recording,
        profile,
        verdicts=judge(recording, read_objectives("remote", profile=profile.objectives)),
        void=[*document["lost"], *find_voids(recording, document["processor"])],
        orders=len(document["confirmed"]),
        processor=document["processor"],
        processes=msgspec.convert(document["processes"], list[Process]),
        resources={},
        stack=urlsplit(environment["STORESTACK_URL"]).hostname or "",
        version="",
        began=datetime.fromtimestamp(document["began"], UTC).isoformat(timespec="seconds"),
    )
    return msgspec.structs.replace(report, sections=[Section(title="Not checked", text=[UNCHECKED])])


def send_report(report: Report, where: str) -> None:
    """Put JSON and HTML below an s3:// address. Raises ValueError."""
    name = f"{report.profile}-{report.began.replace(':', '').replace('+0000', '')}"
    print(_put(where, f"{name}.json", "application/json", msgspec.json.encode(report)), flush=True)
    print(_put(where, f"{name}.html", "text/html; charset=utf-8", render_html(report).encode()), flush=True)


def check_reports(where: str) -> None:
    """Write a line below an s3:// address, as the report will be: a run without one is for nothing.

    Raises ValueError.
    """
    _put(where, "last-run.txt", "text/plain", f"began {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode())


def _put(where: str, name: str, kind: str, body: bytes) -> str:
    """The address that an object was put at."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.session import get_session

    place = urlsplit(where)
    if place.scheme != "s3" or not place.netloc:
        raise ValueError(f"LOADGEN_REPORTS is {where!r}: it must look like s3://bucket/prefix/")
    key = "/".join(part for part in (place.path.strip("/"), name) if part)
    try:
        client = get_session().create_client("s3", config=Config(retries={"max_attempts": 2}))
        client.put_object(Bucket=place.netloc, Key=key, Body=body, ContentType=kind)
    except (BotoCoreError, ClientError) as error:
        raise ValueError(
            f"nothing can be written to {where!r} ({error}):"
            " is the bucket there, and may this task put into it?"
        ) from error
    return f"s3://{place.netloc}/{key}"


def run_master(environment: Mapping[str, str]) -> int:
    """Bring the profile's visits and send the report; 1 if it did not hold, 3 if it is void."""
    profile = read_plan(environment)
    check_reports(environment["LOADGEN_REPORTS"])
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.json"
        subprocess.run(master_command(environment, profile, record), check=False)
        if not record.exists():
            raise ValueError("Locust ended without a record: see the lines above")
        report = judge_record(msgspec.json.decode(record.read_bytes()), profile, environment)
    send_report(report, environment["LOADGEN_REPORTS"])
    return 3 if report.void else 0 if report.held else 1


def main() -> int:
    os.environ.setdefault("STORESTACK_CA", AUTHORITIES.read_text())
    try:
        match sys.argv[1:]:
            case ["master"]:
                return run_master(os.environ)
            case ["worker"]:
                return subprocess.run(worker_command(os.environ), check=False).returncode
    except (ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("error: master or worker?", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
