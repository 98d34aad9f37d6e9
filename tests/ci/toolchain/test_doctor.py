"""The doctor's verdicts, from facts alone."""

from datetime import timedelta

import pytest

from ci.toolchain import doctor
from ci.toolchain.doctor import GIB, Engine, Finding, Level


def test_an_old_python_is_critical() -> None:
    assert doctor.judge_python("3.10.12").level is Level.CRITICAL
    assert doctor.judge_python("3.11.2").level is Level.OK


def test_a_missing_part_is_critical_and_names_the_verb_that_makes_it() -> None:
    finding = doctor.judge_part("Pulumi CLI", None)
    assert (finding.level, finding.mend) == (Level.CRITICAL, "make toolchain")


def test_an_engine_that_was_not_reached_says_why_and_how_to_mend_it() -> None:
    [finding] = doctor.judge_engine(Engine(problem="no right to use unix:///x.sock: join the group"))
    assert finding == Finding(
        "Docker engine", Level.CRITICAL, "no right to use unix:///x.sock", "join the group"
    )


def test_an_engine_too_old_for_build_secrets_is_critical() -> None:
    [finding] = doctor.judge_engine(Engine(version="19.03.15"))
    assert finding.level is Level.CRITICAL


def test_limits_that_do_not_bind_are_a_warning() -> None:
    engine, limits = doctor.judge_engine(Engine(version="28.2.2", limits_memory=False))
    assert engine.level is Level.OK
    assert (limits.level, limits.found) == (Level.WARNING, "the kernel does not limit memory")


def test_an_old_base_image_is_a_notice() -> None:
    assert doctor.judge_base_image("debian", timedelta(days=59)).level is Level.OK
    assert doctor.judge_base_image("debian", timedelta(days=90)).level is Level.NOTICE
    assert doctor.judge_base_image("debian", None).level is Level.OK
    assert doctor.judge_base_image(None, None).level is Level.CRITICAL


@pytest.mark.parametrize(
    ("free", "level"), [(50 * GIB, Level.OK), (5 * GIB, Level.WARNING), (GIB, Level.CRITICAL)]
)
def test_disk_is_judged_by_what_a_release_needs(free: int, level: Level) -> None:
    finding = doctor.judge_disk("/var/lib/docker", free)
    assert finding.level is level
    assert bool(finding.mend) is (level is not Level.OK)


@pytest.mark.parametrize(
    ("available", "level"), [(8 * GIB, Level.OK), (2 * GIB, Level.WARNING), (GIB, Level.CRITICAL)]
)
def test_memory_is_judged_by_what_a_stack_may_use(available: int, level: Level) -> None:
    assert doctor.judge_memory(available).level is level


def test_a_taken_port_names_the_setting_that_moves_it() -> None:
    finding = doctor.judge_port("edge:https_port", 8443, taken=True, stack="pr-1")
    assert finding.level is Level.CRITICAL
    assert "set edge:https_port in Pulumi.pr-1.yaml" in finding.mend


def test_an_overlapping_subnet_names_what_it_overlaps() -> None:
    finding = doctor.judge_subnet("10.0.0.0/24", ["the route of tun0 (10.0.0.0/8)"], "local")
    assert finding.level is Level.CRITICAL
    assert "tun0" in finding.found


def test_the_table_shows_each_mend_and_counts_the_levels() -> None:
    table = doctor.render(
        [
            Finding("git", Level.OK, "/usr/bin/git"),
            Finding("Chromium", Level.NOTICE, "missing", "apt-get install chromium"),
        ]
    )
    assert "✓ git" in table
    assert "→ apt-get install chromium" in table
    assert table.endswith("1 ok, 1 notice, 0 warning, 0 critical\n")
