"""One run of Pulumi on one stack: its environment, its progress line by line, and its error in one line.

The engine's events come as JSON; what people read is made here, and everything goes to a log file.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from ci.toolchain.cache import CHECKOUT
from ci.toolchain.progress import format_seconds
from ci.toolchain.pulumi_cli import require_cli

STATE: Final = CHECKOUT / ".state"
PROJECT: Final = "storestack"
# Every update is held against them: nothing that breaches one is made, and the whole is judged at the end.
POLICIES: Final = CHECKOUT / "policies"
# Kinds of resource worth a line, and the stage their time belongs to. Volumes and secrets take no time.
STAGES: Final = {
    "docker:index/remoteImage:RemoteImage": "images",
    "docker:index/network:Network": "networks",
    "pulumi-python:dynamic/storestack:VolumeFiles": "configuration",
    "docker:index/container:Container": "containers",
    "pulumi-python:dynamic/storestack:OneShot": "release",
    "pulumi-python:dynamic/storestack:Admission": "admission",
}
# Whose removal is worth a line.
MISSED: Final = ("docker:index/container:Container", "docker:index/network:Network")
DONE: Final = {
    "create": "made",
    "create-replacement": "made",
    "update": "changed",
    "delete": "removed",
    "delete-replaced": "removed the old",
}
COLOUR: Final = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
# What the engine says about every failure, or repeats of it.
NOISE: Final = ("update failed", "preview failed", "resource plugin", "error occurred:")
BUILD_FAILED: Final = "Error running buildx build"
REFUSED: Final = "incorrect passphrase"
REFUSED_MEND: Final = (
    "the passphrase does not open the stack's secrets: set PULUMI_CONFIG_PASSPHRASE to the one"
    " it was made with (the stacks of the local target have the empty one)"
)


class DeploymentError(Exception):
    """What stops a verb, in lines that a person can act on; `log` holds the whole of a run that failed."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log


@dataclass
class Progress:
    """What a run has said so far: for the person, the log and the summary."""

    log: IO[str]
    began: float = field(default_factory=time.monotonic)
    started: dict[str, float] = field(default_factory=dict)
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)

    def say(self, text: str) -> None:
        print(f"  {format_seconds(time.monotonic() - self.began):>9}  {text}", flush=True)

    def take(self, event: Mapping[str, Any]) -> None:
        """Take note of one event of the engine."""
        now = time.monotonic()
        if "resourcePreEvent" in event:
            metadata = event["resourcePreEvent"]["metadata"]
            self.started.setdefault(metadata["urn"], now)
            self.write(f"start {metadata['op']} {metadata['urn']}")
        elif "resOutputsEvent" in event:
            self.finish(event["resOutputsEvent"]["metadata"], now)
        elif "resOpFailedEvent" in event:
            self.write(f"failed {event['resOpFailedEvent']['metadata']['urn']}")
        elif "diagnosticEvent" in event:
            self.diagnose(event["diagnosticEvent"])
        elif "policyEvent" in event:
            self.judge(event["policyEvent"])
        elif "summaryEvent" in event:
            self.changes = event["summaryEvent"].get("resourceChanges", {})

    def finish(self, metadata: Mapping[str, Any], now: float) -> None:
        op, urn, kind = metadata["op"], metadata["urn"], metadata["type"]
        self.write(f"done {op} {urn}")
        if op not in DONE or kind not in STAGES or (op.startswith("delete") and kind not in MISSED):
            return
        began = self.started.pop(urn, now)
        first, last = self.stages.get(STAGES[kind], (began, now))
        self.stages[STAGES[kind]] = (min(first, began), max(last, now))
        label = kind.rsplit(":", 1)[1]
        name = urn.rsplit("::", 1)[1]
        self.say(f"{DONE[op]} {label} {name} ({format_seconds(now - began)})")

    def diagnose(self, diagnostic: Mapping[str, Any]) -> None:
        severity = diagnostic.get("severity", "")
        text = COLOUR.sub("", diagnostic.get("message", "")).rstrip()
        if severity == "debug" or not text:
            return
        self.write(f"{severity} {diagnostic.get('urn', '')} {text}")
        if severity == "error":
            urn = diagnostic.get("urn", "")
            lines = (failed_build(urn) if BUILD_FAILED in text else []) or named(urn, condense(text))
            self.errors.extend(line for line in lines if line not in self.errors)
        elif severity.startswith("info") and not diagnostic.get("ephemeral"):
            for line in text.splitlines():
                self.say(line)

    def judge(self, breach: Mapping[str, Any]) -> None:
        """Take note of a breach of a policy: what is mandatory is what stopped the run."""
        text = " ".join(COLOUR.sub("", breach.get("message", "")).split())
        level, policy = breach.get("enforcementLevel", ""), breach.get("policyName", "")
        self.write(f"policy {level} {policy} {text}")
        line = f"{policy}: {text}"
        if level != "mandatory":
            self.say(line)
        elif line not in self.errors:
            self.errors.append(line)

    def write(self, text: str) -> None:
        self.log.write(f"{time.monotonic() - self.began:9.2f} {text}\n")
        self.log.flush()


def condense(text: str) -> list[str]:
    """The lines of an error that say what is wrong: no traceback, no provider's preamble, nothing twice."""
    if REFUSED in text:
        return [REFUSED_MEND]
    failure = re.search(r"^(?:error: )?Failure: (.*)", text, flags=re.MULTILINE | re.DOTALL)
    if failure:
        return [" ".join(failure[1].split())]
    bullets = re.findall(r"^\s*\* (.*)$", text, flags=re.MULTILINE)
    lines = [line.strip().removeprefix("error: ") for line in (bullets[-1:] or text.splitlines())]
    if "Traceback (most recent call last):" in text:
        lines = lines[-1:]
    return [line for line in lines if line and not line.startswith("sdk-v2/") and not line.endswith(NOISE)]


def named(urn: str, lines: list[str]) -> list[str]:
    """The lines with the name of the container, network or volume they are about, if they do not say it."""
    name = urn.rsplit("::", 1)[-1]
    return [line if "docker:index/" not in urn or name in line else f"{name}: {line}" for line in lines]


def failed_build(urn: str) -> list[str]:
    """What the command that broke an image's build said, from the end of the build's log."""
    found = re.fullmatch(r"storestack-(.+)-([a-z]+)-image", urn.rsplit("::", 1)[-1])
    log = STATE / f"build-{found[1]}-{found[2]}.log" if found else None
    if found is None or log is None or not log.exists():
        return []
    text = log.read_text(encoding="utf-8", errors="replace").rsplit("------\n >", 2)[-1]
    said = [re.sub(r"^[\d.]+ ", "", line) for line in text.splitlines()[1:] if not line.startswith("---")]
    command = text.splitlines()[0].strip(" :") if text.strip() else ""
    return [f"the image {found[2]} cannot be built, at {command}: {' | '.join(said[-3:])} (whole log: {log})"]


def environment() -> dict[str, str]:
    """The environment for the CLI: its own folder and ours on PATH, nothing asked, nothing looked up."""
    cli = require_cli()
    paths = [str(cli.command.parent), str(CHECKOUT / ".venv" / "bin"), os.environ.get("PATH", "")]
    values = {**os.environ, "PATH": os.pathsep.join(paths), "PULUMI_SKIP_UPDATE_CHECK": "1"}
    if "PULUMI_CONFIG_PASSPHRASE_FILE" not in values:
        values.setdefault("PULUMI_CONFIG_PASSPHRASE", "")
    return values


def ask(*arguments: str) -> str:
    """What a short Pulumi command prints. Raises DeploymentError when it fails."""
    command = [str(require_cli().command), "--non-interactive", "--color=never", *arguments]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DeploymentError(
            "\n".join(condense(done.stderr or done.stdout)) or f"pulumi {arguments[0]} failed"
        )
    return done.stdout


def report(error: Exception) -> None:
    """Print what stopped a verb, and where the whole story is."""
    for line in str(error).splitlines():
        print(f"error: {line}", file=sys.stderr)
    log = getattr(error, "log", None)
    if log is not None:
        print(f"The full log is {log}; mend the above and run the same command again.", file=sys.stderr)


def log_path(stack: str, verb: str) -> Path:
    folder = STATE / stack
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{verb}.log"


def run(stack: str, verb: str, *arguments: str) -> Progress:
    """Run `pulumi <verb>` to its end, saying each step. Raises DeploymentError with what went wrong."""
    path = log_path(stack, verb)
    command = [str(require_cli().command), "--non-interactive", verb, "--stack", stack, "--yes"]
    command += ["--skip-preview", "--json", *arguments]
    if verb == "up":
        command += ["--policy-pack", str(POLICIES)]
    with path.open("w", encoding="utf-8") as log:
        path.chmod(0o600)
        progress = Progress(log)
        # A person's Ctrl-C reaches Pulumi too, which finishes what it is at; this process waits for it.
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # Safe: no other thread runs yet.
                preexec_fn=follow_parent,  # noqa: PLW1509
            ) as process:
                for event in events(process.stdout or iter(()), progress):
                    progress.take(event)
        finally:
            signal.signal(signal.SIGINT, previous)
    if process.returncode:
        raise DeploymentError(
            "\n".join(progress.errors or [f"pulumi {verb} ended with exit code {process.returncode}"]), path
        )
    return progress


def follow_parent() -> None:
    """In the child: take Ctrl-C again, and stop in good order when this process is killed (Linux only)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform == "linux":
        import ctypes

        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGINT)


def events(lines: Iterator[str] | IO[str], progress: Progress) -> Iterator[dict[str, Any]]:
    """The engine's events; a line that is none of them is an error of the command line itself."""
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            progress.write(line.rstrip())
            if line.startswith("error:"):
                progress.errors.extend(condense(line))
            continue
        if isinstance(event, dict):
            yield event


def resources(stack: str) -> list[dict[str, Any]]:
    """The resources in the stack's state."""
    deployment = json.loads(ask("stack", "export", "--stack", stack))["deployment"]
    return list(deployment.get("resources") or [])


def exists(stack: str) -> bool:
    """Whether the backend knows the stack."""
    return any(found["name"].split("/")[-1] == stack for found in json.loads(ask("stack", "ls", "--json")))
