"""What people read of a run of Pulumi: the line that says what is wrong, and nothing around it."""

import io
from pathlib import Path

import pytest

from ci import deployment
from ci.deployment import REFUSED_MEND, Progress, condense, failed_build, named
from stacks.local.images import build_log

REFUSED = """error: getting stack configuration: constructing secrets manager of type "passphrase":
incorrect passphrase"""
BUILD = """  sdk-v2/provider2.go:572: sdk.helper_schema: Error running buildx build: failed to solve: x
error: 1 error occurred:
\t* Error running buildx build: failed to solve: executor failed: exit code: 1

"""
BUILD_LOG = """#18 [store 6/7] RUN make
#18 ERROR: executor failed running [/bin/sh -c make]: exit code: 1
------
 > [store 6/7] RUN make:
0.192 No space left on device
------"""
TRACEBACK = """Program failed with an unhandled exception:
Traceback (most recent call last):
  File "stacks/__main__.py", line 30, in <module>
ValueError: Dockerfile: each FROM needs a name"""


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Failure: release: failed with exit code 3\n", ["release: failed with exit code 3"]),
        ("error: Failure: edge: refused:\n  line 4\n  is wrong", ["edge: refused: line 4 is wrong"]),
        (
            BUILD,
            ["Error running buildx build: failed to solve: executor failed: exit code: 1"],
        ),
        (TRACEBACK, ["ValueError: Dockerfile: each FROM needs a name"]),
        (REFUSED, [REFUSED_MEND]),
        ("error: update failed", []),
        ('edge:https_port: "0" …\nstore:web: "0" …', ['edge:https_port: "0" …', 'store:web: "0" …']),
    ],
)
def test_an_error_is_condensed_to_what_is_wrong(text: str, lines: list[str]) -> None:
    assert condense(text) == lines


def test_an_error_of_a_container_names_it() -> None:
    urn = "urn:pulumi:a::storestack::docker:index/container:Container::storestack-a-worker-1"
    assert named(urn, ["it is not healthy"]) == ["storestack-a-worker-1: it is not healthy"]
    assert named(urn, ["storestack-a-worker-1 died"]) == ["storestack-a-worker-1 died"]
    assert named("", ["the settings are wrong"]) == ["the settings are wrong"]


def test_a_failed_build_tells_what_its_command_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urn = "urn:pulumi:a::storestack::docker:index/remoteImage:RemoteImage::storestack-pr-1-store-image"
    assert not failed_build(urn)
    monkeypatch.setattr(deployment, "STATE", tmp_path)
    log = tmp_path.parent / build_log("pr-1", "store")
    assert log.name == "build-pr-1-store.log"
    (tmp_path / log.name).write_text(BUILD_LOG)
    (line,) = failed_build(urn)
    assert line.startswith(
        "the image store cannot be built, at [store 6/7] RUN make: No space left on device"
    )


def event(kind: str, op: str, name: str, type_: str) -> dict[str, object]:
    return {
        kind: {"metadata": {"op": op, "urn": f"urn:pulumi:a::storestack::{type_}::{name}", "type": type_}}
    }


def test_progress_names_what_takes_time_and_sums_up_its_stages(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(io.StringIO())
    container, volume = "docker:index/container:Container", "docker:index/volume:Volume"
    for kind in ("resourcePreEvent", "resOutputsEvent"):
        progress.take(event(kind, "create", "storestack-a-edge", container))
        progress.take(event(kind, "create", "storestack-a-media", volume))
        progress.take(event(kind, "same", "storestack-a-cache", container))
    shown = capsys.readouterr().out
    assert "made Container storestack-a-edge" in shown
    assert "media" not in shown
    assert "cache" not in shown
    assert set(progress.stages) == {"containers"}


def test_words_of_a_step_are_shown_and_debugging_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(io.StringIO())
    progress.take(
        {"diagnosticEvent": {"severity": "info", "message": "<{%reset%}>release: done<{%reset%}>\n"}}
    )
    progress.take({"diagnosticEvent": {"severity": "debug", "message": "registering"}})
    progress.take({"diagnosticEvent": {"severity": "error", "message": "Failure: it broke\n"}})
    shown = capsys.readouterr().out
    assert "release: done" in shown
    assert "registering" not in shown
    assert progress.errors == ["it broke"]


def breach(level: str) -> dict[str, object]:
    message = "<{%reset%}>Limit the memory\nContainer: memory is not set. Set memory.<{%reset%}>"
    return {"policyEvent": {"policyName": "memory", "enforcementLevel": level, "message": message}}


def test_a_breach_that_stops_the_run_is_its_error_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(io.StringIO())
    for level in ("advisory", "mandatory", "mandatory"):
        progress.take(breach(level))
    line = "memory: Limit the memory Container: memory is not set. Set memory."
    assert progress.errors == [line]
    assert capsys.readouterr().out.count(line) == 1
