"""`make load PROFILE=…`: one run of a profile against a stack, its invariants, its verdict and its report.

Exit code 0 only if every objective held; 1 if one did not, 2 if the run could not begin, 3 if it is void:
the generator was the bottleneck, or the run was interrupted. An interrupted run undoes its faults and writes
its report as any other does.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import msgspec

from ci.deployment import DeploymentError
from loadtests.faults import Drill
from loadtests.invariants import check_invariants
from loadtests.keys import lend_key
from loadtests.objectives import Objectives, find_voids, judge, read_objectives
from loadtests.profiles import Profile, list_profiles, read_profile
from loadtests.recording import Confirmed, Process, Recording
from loadtests.report import Report, check_baseline, compare, make_report, render_html
from loadtests.sampling import Sampler
from loadtests.stack import Stack, find_stack
from loadtests.target import TargetError, check_host, read_hosts

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "reports" / "load"
# Users that serve arrivals: enough for visits of half a minute at the height, and for a store that stalls.
USERS_PER_RATE = 30
LEAST_USERS = 50
MOST_USERS = 2000
SPAWN_RATE = 1000
# Beyond the planned end: the visits on their way, each request 30 s at most.
GRACE_SECONDS = 120


class Unready(Exception):  # noqa: N818
    """The run cannot begin; the text says why and what would do."""


def run(profile: Profile, stack: Stack, objectives: Objectives, stop: Event) -> Report:
    """Bring the profile's visits to the stack and judge what came back; `stop` ends it before its time."""
    version = check_health(stack)
    if profile.cold:
        empty_caches(stack)
    began = time.time()
    with (
        tempfile.TemporaryDirectory() as folder,
        Drill(stack, profile.faults, profile.seconds) as drill,
        lend_key(stack) as environment,
        Sampler(stack) as sampler,
    ):
        document = send_visits(profile, stack.name, Path(folder), stop, drill.begin, environment)
        interrupted = stop.is_set()
    # By now the faults are undone.
    recording = Recording(profile.slice_seconds)
    recording.merge(document["recording"])
    confirmed = [Confirmed(*entry) for entry in document["confirmed"]]
    marks = sorted(drill.marks, key=lambda mark: mark.begin)
    verdicts = judge(recording, objectives, marks)
    verdicts += check_invariants(stack, confirmed)
    void = [*document["lost"], *find_voids(recording, document["processor"])]
    if interrupted:
        measured = len(recording.intervals) * recording.slice_seconds
        void.insert(0, f"interrupted: {measured:g} of {profile.seconds:g} s were measured")
    return make_report(
        recording,
        profile,
        verdicts=verdicts,
        void=void,
        orders=len(confirmed),
        processor=document["processor"],
        processes=msgspec.convert(document["processes"], list[Process]),
        resources=sampler.since(document["began"], profile.slice_seconds),
        faults=marks,
        stack=stack.name,
        version=version,
        began=datetime.fromtimestamp(began, UTC).isoformat(timespec="seconds"),
    )


def count_users(profile: Profile) -> int:
    """Users that the profile's arrivals may find free."""
    return min(max(round(profile.rate * USERS_PER_RATE), LEAST_USERS), MOST_USERS)


def check_health(stack: Stack) -> str:
    """The version that answers. Raises Unready before the first visit."""
    try:
        check_host(stack.url, read_hosts(stack.name))
        with stack.client() as client:
            client.get("/health/ready").raise_for_status()
            return str(client.get("/info").raise_for_status().json()["version"])
    except TargetError as error:
        raise Unready(str(error)) from error
    except httpx.HTTPStatusError as error:
        answer = error.response
        raise Unready(
            f"{answer.url} answers {answer.status_code}: see `make logs STACK={stack.name}`"
        ) from error
    except httpx.HTTPError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            raise Unready(f"{stack.url} is not certified by the stack's authority: {error}") from error
        raise Unready(f"{stack.url} does not answer ({error}): run `make up STACK={stack.name}`") from error


def empty_caches(stack: Stack) -> None:
    """Empty the edge's cache of pages and the store's cache: what a restart of both leaves."""
    stack.run("edge", ["find", "/var/cache/edge/pages", "-type", "f", "-delete"])
    flush = "REDISCLI_AUTH=$(cat /run/secrets/admin_password) redis-cli --user admin flushall"
    stack.run("cache", ["sh", "-c", f'test "$({flush})" = OK'])


def send_visits(  # noqa: PLR0917
    profile: Profile,
    stack: str,
    folder: Path,
    stop: Event,
    announce: Callable[[float], None],
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Run Locust on the profile, and show the seconds as they pass; what it recorded, also when stopped.

    `announce` is told when the profile's seconds begin to count, by `time.time`; `environment` is added to
    Locust's. Raises Unready.
    """
    record = folder / "record.json"
    users = count_users(profile)
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless"]
    command += ["--stack", stack, "--arrivals", profile.name, "--rate", str(profile.rate)]
    command += ["--seconds", str(profile.seconds), "--record", str(record)]
    command += ["-u", str(users), "-r", str(SPAWN_RATE), "--only-summary", "--loglevel", "WARNING"]
    if profile.processes != 1:
        command += ["--processes", str(profile.processes or -1)]
    log = record.with_suffix(".log")
    with log.open("w") as output:
        # In a group of its own: Ctrl-C reaches this process alone, which ends the other in order.
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _follow(process, profile, record.with_suffix(".began"), stop, announce)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if not record.exists():
        if stop.is_set():
            raise Unready("interrupted before the first visit")
        lines = [line for line in log.read_text().splitlines() if line.strip()]
        raise Unready(lines[-1].removeprefix("error: ") if lines else "Locust ended without a word")
    document: dict[str, Any] = msgspec.json.decode(record.read_bytes())
    return document


def _follow(
    process: subprocess.Popen[bytes],
    profile: Profile,
    announced: Path,
    stop: Event,
    announce: Callable[[float], None],
) -> None:
    curve, began = profile.curve, 0.0
    limit, shown = time.time() + GRACE_SECONDS, -1.0
    while process.poll() is None:
        time.sleep(0.2)
        if not began and announced.exists() and (text := announced.read_text()):
            began = float(text)
            limit = began + profile.seconds + GRACE_SECONDS
            announce(began)
        if stop.is_set():
            process.send_signal(signal.SIGINT)
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                raise Unready(f"the generator did not end within {GRACE_SECONDS} s") from None
            return
        passed = time.time() - began if began else 0.0
        if passed - shown >= (1 if sys.stdout.isatty() else 15):
            shown = passed
            _show(f"{max(passed, 0):.0f} of {profile.seconds:.0f} s, {curve.rate_at(passed):.1f} visits/s")
        if time.time() > limit:
            raise Unready(
                f"the run did not end within {GRACE_SECONDS} s of its time: is the machine overloaded?"
            )
    if sys.stdout.isatty():
        print()


def _show(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r{text:<60}", end="", flush=True)
    else:
        print(text, flush=True)


def listen_for_the_end() -> Event:
    """An event that SIGINT and SIGTERM set: what was begun is undone in order, however often they come."""
    stop = Event()

    def end(*_: object) -> None:
        if not stop.is_set():
            print("\ninterrupted: faults are undone, and the report is of what was measured", flush=True)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return stop


def write_report(report: Report, folder: Path = REPORTS) -> Path:
    """Write the JSON and the HTML file; the path of the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{report.profile}-{report.stack}-{report.began.replace(':', '').replace('+0000', '')}"
    (folder / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1))
    page = folder / f"{name}.html"
    page.write_text(render_html(report), encoding="utf-8")
    return page


def print_report(report: Report, page: Path) -> None:
    """The verdict and its reasons, for a terminal."""
    for verdict in report.verdicts:
        mark = "held    " if verdict.held else "NOT HELD"
        print(f"{mark}  {verdict.objective:<30} {verdict.bound:<28} {verdict.measured}")
    for line in report.regressions:
        print(f"WORSE     {line}")
    for reason in report.void:
        print(f"VOID      {reason}")
    outcome = "void" if report.void else "held" if report.held else "not held"
    if report.broken:
        outcome = "orders are wrong"
    print(f"\n{report.profile} on {report.stack}: {outcome}, {report.orders_per_minute:.0f} orders a minute")
    print(page)


def _run_or_study(
    profile: Profile, stack: Stack, objectives: Objectives, forecast: float | None, stop: Event
) -> Report:
    from loadtests import studies  # which are made of runs

    if profile.search:
        return studies.find_breakpoint(profile, stack, objectives, profile.search, stop)
    if profile.replicas:
        return studies.measure_replicas(profile, stack, profile.replicas, forecast, stop)
    return run(profile, stack, objectives, stop)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", help=f"one of {', '.join(list_profiles())}")
    parser.add_argument("--stack", default="local")
    parser.add_argument(
        "--rate", type=float, help="visits per second at the height, instead of the profile's"
    )
    parser.add_argument("--seconds", type=float, help="length, instead of the profile's")
    parser.add_argument("--processes", type=int, help="of the generator; 0: one for each core")
    parser.add_argument("--forecast", type=float, help="orders a minute to plan for; with replicas")
    parser.add_argument("--baseline", type=Path, help="an earlier run's JSON: what got worse fails the run")
    options = parser.parse_args()
    try:
        profile = read_profile(options.profile, rate=options.rate, seconds=options.seconds)
        if options.processes is not None:
            profile = msgspec.structs.replace(profile, processes=options.processes)
        objectives = read_objectives(options.stack, profile=profile.objectives)
        baseline = _read_baseline(options.baseline, profile) if options.baseline else None
        read_hosts(options.stack)
        stack, stop = find_stack(options.stack), listen_for_the_end()
        report = _run_or_study(profile, stack, objectives, options.forecast, stop)
        if baseline:
            report = compare(report, baseline)
    except (Unready, TargetError, DeploymentError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_report(report, write_report(report))
    return 1 if report.broken else 3 if report.void else 0 if report.held else 1


def _read_baseline(path: Path, profile: Profile) -> Report:
    try:
        baseline = msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"the baseline {str(path)!r} is not the JSON of a run: {error}") from error
    check_baseline(baseline, profile)
    return baseline


if __name__ == "__main__":
    sys.exit(main())
