"""The command line of ci.release; see `python -m ci.release --help`."""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import ci.release
from ci import deployment, preflight
from ci.deployment import DeploymentError
from ci.release import artifacts, building, journal, previewing, previews, sbom, scanning, shipping
from stacks.settings import SettingsError

Command = Callable[[argparse.Namespace], int]


def build(arguments: argparse.Namespace) -> int:
    artifact = building.build(arguments.output)
    print(f"version       {artifact.version}")
    print(f"digest        {artifact.image}")
    print(f"commit        {artifact.commit}")
    print(f"papers        {arguments.output or artifacts.folder(artifact.version)}")
    return 0


def scan(arguments: argparse.Namespace) -> int:
    client = preflight.connect()
    version = arguments.version
    artifact = artifacts.built(client, version) if version else building.build()
    findings, reason = None, ""
    try:
        findings = scanning.scan(sbom.read(client, artifact.image))
    except scanning.UnreachableError as error:
        reason = str(error)
    print("\n".join(scanning.words(artifact.version, findings, reason)))
    if arguments.output:
        report = scanning.report(artifact.version, findings, reason)
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    if findings is None:
        return 1 if arguments.require else 0
    return 1 if any(finding.fixed for finding in findings) else 0


def preview(arguments: argparse.Namespace) -> int:
    plan = previewing.run(arguments.stack)
    page = previewing.render(arguments.stack, plan)
    print(page, end="")
    if arguments.output:
        arguments.output.write_text(page, encoding="utf-8")
    return 1 if plan.errors or plan.mandatory else 0


def ship(arguments: argparse.Namespace) -> int:
    shipping.ship(arguments.stack, image=arguments.image, version=arguments.version)
    return 0


def promote(arguments: argparse.Namespace) -> int:
    shipping.promote(arguments.source, arguments.target)
    return 0


def rollback(arguments: argparse.Namespace) -> int:
    shipping.roll_back(arguments.stack, version=arguments.version)
    return 0


def live(arguments: argparse.Namespace) -> int:
    entry = shipping.live(arguments.stack)
    if arguments.json:
        print(json.dumps({"stack": arguments.stack, **asdict(entry)}))
        return 0
    print(f"stack         {arguments.stack}")
    print(f"version       {entry.version}")
    print(f"digest        {entry.image}")
    print(f"commit        {entry.commit}")
    print(f"who           {entry.who}" + (f", by {entry.verb}" if entry.verb else ""))
    print(f"when          {entry.at}")
    return 0


def log(arguments: argparse.Namespace) -> int:
    for entry in journal.read(arguments.stack):
        if arguments.json:
            print(json.dumps(asdict(entry)))
            continue
        took = f" after {entry.seconds:.0f} s" if entry.seconds else ""
        reason = f": {entry.reason}" if entry.reason else ""
        print(f"{entry.at}  {entry.verb:<8} {entry.version:<14} {entry.event}{took}, {entry.who}{reason}")
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m ci.release",
        description=ci.release.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(required=True, metavar="command")

    def add(name: str, run: Command, words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(run=run)
        return command

    one = add("build", build, "build this checkout's image once, with its papers")
    one.add_argument("--output", type=Path, help="a folder to copy the papers to")
    one = add("scan", scan, "known vulnerabilities of a build, or that it was not scanned")
    one.add_argument("--version", default="", help="a version that was built; else this checkout's")
    one.add_argument("--output", type=Path, help="a file for the findings, as JSON")
    one.add_argument("--require", action="store_true", help="fail where nothing can be asked")
    one = add("preview", preview, "what would change, the policies' verdict, the cost difference")
    one.add_argument("stack")
    one.add_argument("--output", type=Path, help="a file for the page, such as a comment's text")
    one = add("ship", ship, "release an image, a version, or what this checkout holds")
    one.add_argument("stack")
    what = one.add_mutually_exclusive_group()
    what.add_argument("--image", default="", help="an image by name or id")
    what.add_argument("--version", default="", help="a version that was built")
    one = add("promote", promote, "release in one stack what serves in another")
    one.add_argument("source")
    one.add_argument("target")
    one = add("rollback", rollback, "release the version before; the schema stays")
    one.add_argument("stack")
    one.add_argument("--version", default="", help="an older one than the one before")
    one = add("live", live, "what serves: version, digest, commit, who and when")
    one.add_argument("stack")
    one.add_argument("--json", action="store_true")
    one = add("log", log, "every attempt to change what a stack runs")
    one.add_argument("stack")
    one.add_argument("--json", action="store_true")
    previews.add_arguments(add("expire", previews.run, "remove previews that are past their time to live"))
    return top


def main() -> int:
    arguments = parser().parse_args()
    try:
        return int(arguments.run(arguments))
    except (DeploymentError, SettingsError) as error:
        deployment.report(error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
