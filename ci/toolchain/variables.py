"""The variables under which plain `pulumi` works in this checkout, and the shell lines that set them."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ci.toolchain import engine_api, environment, pulumi_cli, uv
from ci.toolchain.cache import CHECKOUT, locate_pulumi_home

POLICIES = CHECKOUT / "policies"


def list_programs_directories() -> list[Path]:
    """Returns the directories to put before PATH: the CLI's, the environment's, and uv's if it is cached."""
    cli, found_uv = pulumi_cli.locate_cli(), uv.locate_uv()
    directories = [environment.MAIN.folder / "bin"]
    if cli and cli.command == pulumi_cli.locate_cached_cli():
        directories.insert(0, cli.command.parent)
    if found_uv and found_uv == uv.locate_cached_uv():
        directories.append(found_uv.parent)
    return directories


def has_every_plugin(virtualenv: Path, pulumi_home: Path) -> bool:
    """Says whether the plugin of each installed Pulumi SDK is there, so that the engine need not look."""
    files = virtualenv.glob("lib/python3.*/site-packages/*/pulumi-plugin.json")
    wanted = [json.loads(file.read_text()) for file in files]
    return all(
        (pulumi_home / "plugins" / f"resource-{sdk['name']}-v{sdk['version']}").exists()
        for sdk in wanted
        if sdk.get("resource")
    )


def build_variables(inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables to set; what the caller has set for a purpose of his own is kept."""
    path = [str(directory) for directory in list_programs_directories()]
    path += [word for word in inherited.get("PATH", os.defpath).split(os.pathsep) if word not in path]
    variables = {
        "PATH": os.pathsep.join(path),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Every preview and update is held against them, those by hand too.
        "PULUMI_OPTION_POLICY_PACK": inherited.get("PULUMI_OPTION_POLICY_PACK", str(POLICIES)),
    }
    # Local stacks have the empty passphrase; whoever works on another one has set his.
    if "PULUMI_CONFIG_PASSPHRASE_FILE" not in inherited:
        variables["PULUMI_CONFIG_PASSPHRASE"] = inherited.get("PULUMI_CONFIG_PASSPHRASE", "")
    if has_every_plugin(environment.MAIN.folder, locate_pulumi_home()):
        variables["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] = "true"
    if engine_api.locate_engine() != f"unix://{engine_api.DEFAULT_SOCKET}":
        variables["DOCKER_HOST"] = engine_api.locate_engine()
    return variables


def render_exports(variables: Mapping[str, str], directories: Sequence[Path]) -> str:
    """Returns lines for `eval` in a POSIX shell; PATH is put together there, from the shell's own."""
    lines = [f'export PATH={shlex.quote(os.pathsep.join(map(str, directories)))}:"$PATH"\n']
    lines += [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items() if name != "PATH"]
    return "".join(lines)
