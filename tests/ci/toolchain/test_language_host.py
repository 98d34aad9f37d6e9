"""The language host, asked as the Pulumi engine asks it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import language_pb2 as language
from pulumi.runtime.proto import language_pb2_grpc

from ci.toolchain import language_host as installer
from ci.toolchain.cache import CHECKOUT
from ci.toolchain.host import language_host as host


def describe(root: Path, **options: str) -> language.ProgramInfo:
    return language.ProgramInfo(
        root_directory=str(root),
        program_directory=str(root / "stacks"),
        entry_point=".",
        options=ParseDict(options, Struct()),
    )


def test_the_environment_is_looked_for_at_the_projects_root(tmp_path: Path) -> None:
    assert host.locate_virtualenv(describe(tmp_path, virtualenv=".venv")) == tmp_path / ".venv"
    assert host.locate_virtualenv(describe(tmp_path, virtualenv="/opt/venv")) == Path("/opt/venv")
    assert host.locate_virtualenv(describe(tmp_path)) is None


def test_a_missing_environment_names_the_verb_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(host.MissingInterpreterError, match="run `make toolchain`"):
        host.locate_interpreter(describe(tmp_path, virtualenv=".venv"))


def test_an_sdk_asks_for_the_plugin_of_its_version() -> None:
    sdk = {
        "resource": True,
        "name": "docker",
        "version": "5.2.0",
        "distribution": "pulumi-docker",
        "release": "9",
    }
    plugin = host.name_plugin(sdk)
    assert plugin is not None
    assert (plugin.name, plugin.kind, plugin.version) == ("docker", "resource", "v5.2.0")


def test_an_sdk_without_a_version_asks_for_its_releases() -> None:
    plugin = host.name_plugin({"resource": True, "distribution": "pulumi-aws", "release": "7.51.0"})
    assert plugin is not None
    assert (plugin.name, plugin.version) == ("aws", "v7.51.0")


def test_an_sdk_that_is_a_library_asks_for_none() -> None:
    assert host.name_plugin({"resource": False, "distribution": "pulumi-policy", "release": "1"}) is None


def test_the_program_learns_where_the_engine_is(tmp_path: Path) -> None:
    request = language.RunRequest(
        project="shop",
        stack="local",
        pwd="/p",
        monitor_address="127.0.0.1:1",
        parallel=16,
        info=describe(tmp_path),
    )
    command = host.build_program_command(request, "127.0.0.1:2")
    flags = dict(zip(command[3:-1:2], command[4:-1:2], strict=True))
    assert flags["--monitor"] == "127.0.0.1:1"
    assert flags["--engine"] == "127.0.0.1:2"
    assert flags["--dry_run"] == "false"
    assert "--organization" not in flags, "an empty value would swallow the next word"
    assert command[-1] == "."


def test_another_source_or_other_libraries_are_another_host() -> None:
    key = installer.compute_key(b"source", b"lock")
    assert key != installer.compute_key(b"source", b"newer lock")
    assert key != installer.compute_key(b"newer source", b"lock")


@pytest.fixture
def served() -> Iterator[tuple[subprocess.Popen[str], language_pb2_grpc.LanguageRuntimeStub]]:
    """A running host and a connection to it."""
    process = subprocess.Popen(
        [sys.executable, host.__file__, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    assert process.stdout is not None
    with grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}") as channel:
        yield process, language_pb2_grpc.LanguageRuntimeStub(channel)
    process.kill()
    process.wait()


def test_a_plugins_output_and_exit_code_are_passed_on(
    served: tuple[subprocess.Popen[str], language_pb2_grpc.LanguageRuntimeStub], tmp_path: Path
) -> None:
    _, stub = served
    (tmp_path / "plugin.py").write_text(
        "import os, sys\nprint('port', os.environ['WORD'], sys.argv[1])\n"
        "print('trouble', file=sys.stderr)\nsys.exit(7)\n"
    )
    info = describe(tmp_path)
    info.program_directory = str(tmp_path / "plugin.py")
    request = language.RunPluginRequest(
        pwd=str(tmp_path), args=["engine"], env=["WORD=a=b"], kind="resource", info=info
    )
    answers = list(stub.RunPlugin(request))
    assert b"".join(answer.stdout for answer in answers) == b"port a=b engine\n"
    assert b"".join(answer.stderr for answer in answers) == b"trouble\n"
    assert answers[-1].exitcode == 7


def test_an_interrupt_ends_the_host_and_what_it_runs(
    served: tuple[subprocess.Popen[str], language_pb2_grpc.LanguageRuntimeStub], tmp_path: Path
) -> None:
    process, stub = served
    (tmp_path / "plugin.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    info = describe(tmp_path)
    info.program_directory = str(tmp_path / "plugin.py")
    answers = stub.RunPlugin(language.RunPluginRequest(pwd=str(tmp_path), kind="resource", info=info))
    assert next(answers).stdout == b"up\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert time.monotonic() - began < 5


def test_what_it_is_not_made_for_is_said_to_be_unimplemented(
    served: tuple[subprocess.Popen[str], language_pb2_grpc.LanguageRuntimeStub],
) -> None:
    _, stub = served
    stub.GetPluginInfo(Empty())
    with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
        stub.GenerateProgram(language.GenerateProgramRequest())
