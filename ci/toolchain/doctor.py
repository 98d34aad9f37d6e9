"""`make doctor`: what the machine has, what it lacks, and how to mend it.

Verdicts are functions of facts alone; examination.py gathers the facts. What is critical keeps `make up`
from working; a warning may hurt later; a notice is for those who want the thing it names.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from ci.toolchain import pins
from ci.toolchain.versions import is_at_least

GIB = 1 << 30
# Images and volumes of one stack, and room for the next release beside it.
ENOUGH_DISK, LITTLE_DISK = 10 * GIB, 3 * GIB
# What the containers of one stack may use by their limits at rest and under load.
ENOUGH_MEMORY, LITTLE_MEMORY = 4 * GIB, int(1.5 * GIB)
# Debian publishes a point release about every two months; its fixes reach an image only when it is made anew.
OLD_IMAGE = timedelta(days=60)


class Level(StrEnum):
    OK = "ok"
    NOTICE = "notice"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Finding:
    """One line of the table; `mend` is empty where there is nothing to mend."""

    name: str
    level: Level
    found: str
    mend: str = ""


@dataclass(frozen=True)
class Engine:
    """What the Docker engine says of itself. `problem` says why it was not asked, with the mend."""

    version: str = ""
    problem: str = ""
    limits_memory: bool = True
    limits_cpu: bool = True
    root_directory: str = ""


def judge_python(version: str) -> Finding:
    if is_at_least(version, "3.11"):
        return Finding("Python", Level.OK, version)
    return Finding("Python", Level.CRITICAL, version, "install Python 3.11 or newer")


def judge_part(name: str, found: str | None, problem: str = "") -> Finding:
    """Judges a part the toolchain makes."""
    if problem:
        return Finding(name, Level.CRITICAL, problem, "see the line itself")
    if found is None:
        return Finding(name, Level.CRITICAL, "missing", "make toolchain")
    return Finding(name, Level.OK, found)


def judge_engine(engine: Engine) -> list[Finding]:
    """Judges whether containers can run, and whether the limits they are given will bind."""
    if engine.problem:
        cause, _, mend = engine.problem.rpartition(": ")
        return [Finding("Docker engine", Level.CRITICAL, cause, mend)]
    if not is_at_least(engine.version, pins.OLDEST_ENGINE):
        mend = f"upgrade it to {pins.OLDEST_ENGINE} or newer"
        return [Finding("Docker engine", Level.CRITICAL, engine.version, mend)]
    findings = [Finding("Docker engine", Level.OK, engine.version)]
    limits = {"memory": engine.limits_memory, "CPU": engine.limits_cpu}
    if missing := [name for name, works in limits.items() if not works]:
        mend = "enable these controllers: https://docs.docker.com/engine/install/linux-postinstall/"
        found = f"the kernel does not limit {' and '.join(missing)}"
        findings.append(Finding("Container limits", Level.WARNING, found, mend))
    return findings


def judge_base_image(found: str | None, age: timedelta | None) -> Finding:
    if found is None:
        return Finding("Base image", Level.CRITICAL, "missing", "make toolchain")
    if age is not None and age > OLD_IMAGE:
        mend = f"docker image rm {pins.BASE_IMAGE} && make toolchain, then make up"
        return Finding("Base image", Level.NOTICE, f"{age.days} days old, without the fixes since", mend)
    return Finding("Base image", Level.OK, found)


def judge_disk(place: str, free: int) -> Finding:
    """Judges the free bytes of the file system that holds `place`."""
    level = _rank(free, ENOUGH_DISK, LITTLE_DISK)
    advice = f"free {ENOUGH_DISK // GIB} GiB (`docker system df` says what images take)"
    mend = "" if level is Level.OK else advice
    return Finding(f"Disk of {place}", level, f"{free / GIB:.1f} GiB free", mend)


def judge_memory(available: int) -> Finding:
    """Judges the bytes of memory that programs can still get."""
    level = _rank(available, ENOUGH_MEMORY, LITTLE_MEMORY)
    mend = "" if level is Level.OK else f"end other programs, or give the machine {ENOUGH_MEMORY // GIB} GiB"
    return Finding("Memory", level, f"{available / GIB:.1f} GiB available", mend)


def judge_setting(key: str, value: str, wanted: str, stack: str) -> Finding:
    """Judges a setting that cannot be read."""
    return Finding(key, Level.CRITICAL, f"{value!r} is not {wanted}", f"correct it in Pulumi.{stack}.yaml")


def judge_port(key: str, port: int, *, taken: bool, stack: str) -> Finding:
    """Judges a port the stack wants; its own containers do not count as taking it."""
    if not taken:
        return Finding(f"Port {port}", Level.OK, f"free for {key}, or the stack's own")
    mend = f"end what listens there (`ss -ltnp sport = :{port}`), or set {key} in Pulumi.{stack}.yaml"
    return Finding(f"Port {port}", Level.CRITICAL, "taken by another program", mend)


def judge_subnet(subnet: str, clashes: Sequence[str], stack: str) -> Finding:
    """Judges the stack's subnet against the machine's other networks."""
    if not clashes:
        return Finding("Subnet", Level.OK, f"{subnet} is free, or the stack's own")
    mend = f"set network:subnet in Pulumi.{stack}.yaml to a free /24"
    return Finding("Subnet", Level.CRITICAL, f"{subnet} overlaps {', '.join(clashes)}", mend)


def judge_program(name: str, found: str | None, level: Level, purpose: str, mend: str) -> Finding:
    """Judges a program that the stack itself does not need."""
    if found:
        return Finding(name, Level.OK, found)
    return Finding(name, level, f"missing: {purpose}", mend)


def _rank(value: int, enough: int, little: int) -> Level:
    if value >= enough:
        return Level.OK
    return Level.WARNING if value >= little else Level.CRITICAL


def render(findings: Sequence[Finding]) -> str:
    """Returns the table, and under it one line per mend."""
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        mark = {Level.OK: "✓", Level.NOTICE: "·", Level.WARNING: "!", Level.CRITICAL: "✗"}[finding.level]
        level = "" if finding.level is Level.OK else finding.level
        lines.append(f"{mark} {finding.name:<{width}}  {level:<8}  {finding.found}")
        if finding.mend:
            lines.append(f"  {'':<{width}}  {'':<8}  → {finding.mend}")
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    lines.append(", ".join(f"{count} {level}" for level, count in counts.items()))
    return "\n".join(lines) + "\n"


def run(stack: str) -> int:
    """Prints the table; returns 1 if anything critical was found."""
    # Only here, so that the verdicts import nothing that looks at the machine.
    from ci.toolchain.examination import examine

    findings = examine(stack)
    sys.stdout.write(render(findings))
    return int(any(finding.level is Level.CRITICAL for finding in findings))
