"""What `eval "$(make -s env)"` sets."""

import json
import subprocess
from pathlib import Path

import pytest

from ci.toolchain import pulumi_cli, variables
from tests.ci.toolchain.conftest import write_program


def test_a_shell_reads_the_lines_back(tmp_path: Path) -> None:
    exports = variables.render_exports({"PATH": "ignored", "WORDS": "it's $HOME"}, [tmp_path / "a b"])
    script = exports + 'printf "%s|%s" "$PATH" "$WORDS"'
    printed = subprocess.check_output(["/bin/sh", "-c", script], env={"PATH": "/bin"}, text=True)
    assert printed == f"{tmp_path}/a b:/bin|it's $HOME"


def test_a_cached_cli_comes_before_path(cache: Path) -> None:
    cached = write_program(pulumi_cli.locate_cached_cli(), "v3.259.0")
    path = variables.build_variables({"PATH": "/bin"})["PATH"].split(":")
    assert path[0] == str(cached.parent)
    assert path[-1] == "/bin"


def test_a_run_by_hand_is_held_against_the_policies_unless_one_says_otherwise() -> None:
    assert variables.build_variables({})["PULUMI_OPTION_POLICY_PACK"] == str(variables.POLICIES)
    assert variables.build_variables({"PULUMI_OPTION_POLICY_PACK": ""})["PULUMI_OPTION_POLICY_PACK"] == ""


def test_ones_own_passphrase_is_kept() -> None:
    own = variables.build_variables({"PULUMI_CONFIG_PASSPHRASE": "secret"})
    assert own["PULUMI_CONFIG_PASSPHRASE"] == "secret"
    assert variables.build_variables({})["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert "PULUMI_CONFIG_PASSPHRASE" not in variables.build_variables({"PULUMI_CONFIG_PASSPHRASE_FILE": "f"})


@pytest.mark.parametrize(
    ("installed", "expected"), [(["docker-v5.2.0"], False), (["docker-v5.2.0", "aws-v7.51.0"], True)]
)
def test_the_engine_may_look_for_plugins_until_every_sdk_has_its_own(
    tmp_path: Path, installed: list[str], expected: bool
) -> None:
    packages = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    sdks = [("docker", "5.2.0", True), ("aws", "7.51.0", True), ("policy", "1.0.0", False)]
    for name, version, resource in sdks:
        (packages / name).mkdir(parents=True)
        about = {"name": name, "version": version, "resource": resource}
        (packages / name / "pulumi-plugin.json").write_text(json.dumps(about))
    for plugin in installed:
        (tmp_path / "home" / "plugins" / f"resource-{plugin}").mkdir(parents=True)
    assert variables.has_every_plugin(tmp_path / ".venv", tmp_path / "home") is expected
