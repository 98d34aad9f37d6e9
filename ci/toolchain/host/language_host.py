"""Runs Pulumi programs and plugins written in Python, for a Pulumi CLI built from Go modules.

The official CLI brings a language host of its own; its source is not published as a Go module, so the
built CLI gets this one. It is a gRPC server of `pulumirpc.LanguageRuntime`, started by the engine as
`pulumi-language-python <engine address>`: it prints its port, serves until it is interrupted, and runs
every program with the interpreter that the project's `virtualenv` option names.

What only code generation needs (`pulumi convert`, `pulumi package gen-sdk`, `pulumi new`) is left out and
answers "unimplemented".
"""

# ruff: noqa: N802, ARG002 — the methods are named, and what they are given is set, by the protocol.

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import IO, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2 as language
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

EXECUTOR = Path(__file__).parent / "pulumi-language-python-exec"
# What `pulumi-language-python-exec` exits with once it has shown the user's error itself.
ERROR_WAS_SHOWN = 32
NO_SIZE_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

# Run by the program's interpreter: the SDKs it has, and all distributions with their versions.
LIST_SDKS = """
import importlib.metadata, json
from pathlib import Path
found = []
for distribution in importlib.metadata.distributions():
    for file in distribution.files or ():
        if file.name == "pulumi-plugin.json":
            found.append(json.loads(Path(distribution.locate_file(file)).read_text())
                         | {"distribution": distribution.name, "release": distribution.version})
print(json.dumps(found))
"""
LIST_DISTRIBUTIONS = """
import importlib.metadata, json
print(json.dumps(sorted({d.name: d.version for d in importlib.metadata.distributions()}.items())))
"""


class MissingInterpreterError(Exception):
    """The project names a virtual environment that has no interpreter."""


def locate_virtualenv(info: language.ProgramInfo) -> Path | None:
    """Returns the environment the program's options name; a relative one starts at the project's root."""
    options = MessageToDict(info.options)
    name = options.get("virtualenv") or (".venv" if options.get("toolchain") == "uv" else "")
    return Path(info.root_directory, name) if name else None


def build_environment(info: language.ProgramInfo) -> dict[str, str]:
    """Returns the variables a program runs with: the caller's, with the program's environment activated."""
    environment = dict(os.environ)
    if virtualenv := locate_virtualenv(info):
        environment["VIRTUAL_ENV"] = str(virtualenv)
        environment["PATH"] = f"{virtualenv / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}"
        environment.pop("PYTHONHOME", None)
    return environment


def locate_interpreter(info: language.ProgramInfo) -> str:
    """Returns the program's interpreter: the environment's, else the `python3` of PATH."""
    if virtualenv := locate_virtualenv(info):
        interpreter = virtualenv / "bin" / "python"
        if not interpreter.exists():
            raise MissingInterpreterError(
                f"the virtual environment {str(virtualenv)!r} has no interpreter: run `make toolchain`"
            )
        return str(interpreter)
    return os.environ.get("PULUMI_PYTHON_CMD") or shutil.which("python3") or sys.executable


def ask_interpreter(info: language.ProgramInfo, script: str) -> Any:
    """Runs a script that prints JSON with the program's interpreter."""
    printed = subprocess.check_output(
        [locate_interpreter(info), "-c", script], cwd=info.root_directory, env=build_environment(info)
    )
    return json.loads(printed)


def name_plugin(sdk: Mapping[str, Any]) -> plugin_pb2.PackageDependency | None:
    """Returns the plugin an installed SDK asks for; none for an SDK that needs no plugin."""
    if not sdk.get("resource"):
        return None
    return plugin_pb2.PackageDependency(
        name=sdk.get("name") or sdk["distribution"].removeprefix("pulumi-"),
        kind="resource",
        version="v" + (sdk.get("version") or sdk["release"]).removeprefix("v"),
        server=sdk.get("server") or "",
    )


def build_program_command(request: language.RunRequest, engine: str) -> list[str]:
    """Returns the command line that runs the program of a `Run` request."""
    arguments = {
        "--monitor": request.monitor_address,
        "--engine": engine,
        "--project": request.project,
        "--stack": request.stack,
        "--organization": request.organization,
        "--root_directory": request.info.root_directory,
        "--pwd": request.pwd,
        "--parallel": str(request.parallel),
        "--dry_run": "true" if request.dryRun else "false",
    }
    flags = [word for name, value in arguments.items() if value for word in (name, value)]
    return [
        locate_interpreter(request.info),
        "-u",
        str(EXECUTOR),
        *flags,
        request.info.entry_point,
        *request.args,
    ]


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers the engine. `engine` is the engine's address, for the programs to report to."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.children: set[subprocess.Popen[bytes]] = set()
        self.children_lock = threading.Lock()

    def Handshake(self, request: language.LanguageHandshakeRequest, context: grpc.ServicerContext) -> Any:
        self.engine = request.engine_address
        return language.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version="")

    def About(self, request: language.AboutRequest, context: grpc.ServicerContext) -> Any:
        executable = locate_interpreter(request.info) if request.HasField("info") else sys.executable
        version = subprocess.check_output([executable, "--version"], text=True).split()[-1]
        return language.AboutResponse(executable=executable, version=version)

    def GetRequiredPackages(
        self, request: language.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language.GetRequiredPackagesResponse:
        plugins = [name_plugin(sdk) for sdk in self.ask(request.info, LIST_SDKS, context)]
        return language.GetRequiredPackagesResponse(packages=[plugin for plugin in plugins if plugin])

    def GetProgramDependencies(
        self, request: language.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language.GetProgramDependenciesResponse:
        found = self.ask(request.info, LIST_DISTRIBUTIONS, context)
        return language.GetProgramDependenciesResponse(
            dependencies=[language.DependencyInfo(name=name, version=version) for name, version in found]
        )

    def ask(self, info: language.ProgramInfo, script: str, context: grpc.ServicerContext) -> Any:
        try:
            return ask_interpreter(info, script)
        except (MissingInterpreterError, subprocess.CalledProcessError) as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def Run(self, request: language.RunRequest, context: grpc.ServicerContext) -> language.RunResponse:
        environment = build_environment(request.info) | {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        try:
            command = build_program_command(request, self.engine)
        except MissingInterpreterError as error:
            return language.RunResponse(error=str(error))
        # What the program prints goes to this process's streams, which the engine shows.
        child = self.start(command, context, cwd=request.pwd, env=environment)
        code = child.wait()
        self.forget(child)
        if code == ERROR_WAS_SHOWN:
            return language.RunResponse(bail=True)
        return language.RunResponse(error=f"the program exited with code {code}" if code else "")

    def RunPlugin(
        self, request: language.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language.RunPluginResponse]:
        try:
            interpreter = locate_interpreter(request.info)
        except MissingInterpreterError as error:
            yield language.RunPluginResponse(stderr=f"{error}\n".encode())
            yield language.RunPluginResponse(exitcode=1)
            return
        program = request.info.program_directory
        command = (
            [interpreter, "-u", "-m", "pulumi.policy", *request.args[:1], program, *request.args[1:]]
            if request.kind == "analyzer"
            else [interpreter, "-u", program, *request.args]
        )
        environment = build_environment(request.info) | dict(entry.split("=", 1) for entry in request.env)
        # The official host starts policy packs in their own folder, and so what runs here runs there.
        folder = program if request.kind == "analyzer" else request.pwd
        child = self.start(
            command, context, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for name, line in read_streams(child):
            if name == "stdout":
                yield language.RunPluginResponse(stdout=line)
            else:
                yield language.RunPluginResponse(stderr=line)
        code = child.wait()
        self.forget(child)
        yield language.RunPluginResponse(exitcode=code)

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        self.end_children()
        return Empty()

    def start(
        self, command: list[str], context: grpc.ServicerContext, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Starts a child that ends when the engine gives up the call or this host ends."""
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        with self.children_lock:
            self.children.add(child)
        context.add_callback(lambda: end_child(child))
        return child

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        with self.children_lock:
            self.children.discard(child)

    def end_children(self) -> None:
        with self.children_lock:
            for child in self.children:
                end_child(child)


def end_child(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()


def read_streams(child: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yields ("stdout" or "stderr", line) as the child prints, until it has closed both."""
    lines: queue.Queue[tuple[str, bytes] | None] = queue.Queue()

    def pump(name: str, stream: IO[bytes]) -> None:
        for line in stream:
            lines.put((name, line))
        lines.put(None)

    streams = {"stdout": child.stdout, "stderr": child.stderr}
    for name, stream in streams.items():
        assert stream is not None  # noqa: S101 — both were asked for as pipes
        threading.Thread(target=pump, args=(name, stream), daemon=True).start()
    for _ in streams:
        while (item := lines.get()) is not None:
            yield item


def main() -> None:
    """Serves until SIGINT or SIGTERM; the engine's address is the last argument that is not a flag."""
    addresses = [word for word in sys.argv[1:] if not word.startswith("-")]
    host = LanguageHost(addresses[-1] if addresses else "")
    # A policy pack holds a thread for its whole life, so there must be several.
    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=NO_SIZE_LIMIT)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")

    def end(_number: int, _frame: FrameType | None) -> None:
        host.end_children()
        server.stop(grace=None)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
