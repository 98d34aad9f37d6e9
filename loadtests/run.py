"""`make load PROFILE=…`: one run of a profile against a stack, its invariants, its verdict and its report.

Exit code 0 only if every objective held; 1 if one did not, 2 if the run could not begin, 3 if it is void.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec

from ci.deployment import DeploymentError
from loadtests.invariants import check_invariants
from loadtests.objectives import Objectives, find_voids, judge, read_objectives
from loadtests.profiles import Profile, list_profiles, read_profile
from loadtests.recording import Recording
from loadtests.report import Report, compare, make_report, render_html
from loadtests.sampling import Sampler
from loadtests.stack import Stack, find_stack
from loadtests.target import TargetError, check_host

ROOT = Path(__file__).parent.parent
REPORTS = ROOT / "reports" / "load"
# Users that serve arrivals: enough for visits of half a minute at the height, and for a store that stalls.
USERS_PER_RATE = 30
LEAST_USERS = 50
MOST_USERS = 2000
SPAWN_RATE = 100
# Beyond the planned end: the visits on their way, each request 30 s at most.
GRACE_SECONDS = 120


class Unready(Exception):  # noqa: N818
    """The run cannot begin; the text says why and what would do."""


def run(profile: Profile, stack: Stack, objectives: Objectives) -> Report:
    """Bring the profile's visits to the stack and judge what came back."""
    version = check_health(stack)
    if profile.cold:
        empty_caches(stack)
    began = time.time()
    with tempfile.TemporaryDirectory() as folder, Sampler(stack) as sampler:
        record = Path(folder) / "record.json"
        send_visits(profile, stack, record)
        document = msgspec.json.decode(record.read_bytes())
    recording = Recording()
    recording.merge(document["recording"])
    confirmed = [(number, amount) for number, amount in document["confirmed"]]
    verdicts = [*judge(recording, objectives), *check_invariants(stack, confirmed)]
    return make_report(
        recording,
        profile,
        verdicts=verdicts,
        void=find_voids(recording, document["processor"]),
        orders=len(confirmed),
        processor=document["processor"],
        resources=sampler.since(document["began"]),
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
        check_host(stack.url)
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
        raise Unready(f"{stack.url} does not answer ({error}): run `make up STACK={stack.name}`") from error


def empty_caches(stack: Stack) -> None:
    """Empty the edge's cache of pages and the store's cache: what a restart of both leaves."""
    stack.run("edge", ["sh", "-c", "find /var/cache/nginx -type f -delete"])
    stack.run(
        "cache", ["sh", "-c", 'redis-cli -a "$(cat /run/secrets/cache_password)" --no-auth-warning flushall']
    )


def send_visits(profile: Profile, stack: Stack, record: Path) -> None:
    """Run Locust on the profile, and show the seconds as they pass; interrupted, it ends and is recorded."""
    users = count_users(profile)
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless"]
    command += ["--stack", stack.name, "--arrivals", profile.name, "--rate", str(profile.rate)]
    command += ["--seconds", str(profile.seconds), "--record", str(record)]
    command += ["-u", str(users), "-r", str(SPAWN_RATE), "--only-summary", "--loglevel", "WARNING"]
    log = record.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            _follow(process, profile, users / SPAWN_RATE)
        except KeyboardInterrupt:
            print("\ninterrupted: the report is of what was measured until now", flush=True)
            process.send_signal(signal.SIGINT)
            process.wait(GRACE_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
    if not record.exists():
        lines = [line for line in log.read_text().splitlines() if line.strip()]
        raise Unready(lines[-1].removeprefix("error: ") if lines else "Locust ended without a word")


def _follow(process: subprocess.Popen[bytes], profile: Profile, spawning: float) -> None:
    begin, limit = time.monotonic(), profile.seconds + spawning + GRACE_SECONDS
    curve = profile.curve
    shown = -1.0
    while process.poll() is None:
        time.sleep(0.2)
        passed = time.monotonic() - begin - spawning - 2
        if passed - shown >= (1 if sys.stdout.isatty() else 15):
            shown = passed
            text = f"{max(passed, 0):.0f} of {profile.seconds:.0f} s, {curve.rate_at(passed):.1f} visits/s"
            print(
                f"\r{text:<60}" if sys.stdout.isatty() else text,
                end="" if sys.stdout.isatty() else "\n",
                flush=True,
            )
        if passed > limit:
            raise Unready(
                f"the run did not end {GRACE_SECONDS} s after its last visit: is the machine overloaded?"
            )
    if sys.stdout.isatty():
        print()


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
    print(f"\n{report.profile} on {report.stack}: {outcome}, {report.orders_per_minute:.0f} orders a minute")
    print(page)


def _run_or_study(profile: Profile, stack: Stack, objectives: Objectives) -> Report:
    if profile.search is None:
        return run(profile, stack, objectives)
    from loadtests import studies  # which are made of runs

    return studies.find_breakpoint(profile, stack, objectives, profile.search)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", help=f"one of {', '.join(list_profiles())}")
    parser.add_argument("--stack", default="local")
    parser.add_argument(
        "--rate", type=float, help="visits per second at the height, instead of the profile's"
    )
    parser.add_argument("--seconds", type=float, help="length, instead of the profile's")
    parser.add_argument("--baseline", type=Path, help="an earlier run's JSON: what got worse fails the run")
    options = parser.parse_args()
    try:
        profile = read_profile(options.profile, rate=options.rate, seconds=options.seconds)
        objectives = read_objectives(options.stack)
        baseline = _read_baseline(options.baseline) if options.baseline else None
        report = _run_or_study(profile, find_stack(options.stack), objectives)
        if baseline:
            worse = compare(report, baseline)
            report = msgspec.structs.replace(report, regressions=worse, held=report.held and not worse)
    except (Unready, TargetError, DeploymentError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print_report(report, write_report(report))
    return 3 if report.void else 0 if report.held else 1


def _read_baseline(path: Path) -> Report:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"the baseline {str(path)!r} is not the JSON of a run: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
