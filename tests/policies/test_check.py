"""The command that checks a stack without a cloud: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policies.project import HIDDEN, ProjectError, find_project
from policies.source import component, find_component, place
from tests.policies.cases import made
from tests.policies.interpreters import ROOT

NETWORK = "docker:index/network:Network"


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "policies.check", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def recording(folder: Path, internal: bool, **config: Any) -> Path:
    """A recorded stack of one data network."""
    resource = {
        "urn": f"urn:pulumi:test::shop::{NETWORK}::data",
        "type": NETWORK,
        "name": "data",
        "id": "n1",
        "properties": {"internal": internal},
        "outputs": {},
        "protect": False,
        "ignore_changes": [],
        "parent": "",
        "provider": "",
        "dependencies": [],
        "property_dependencies": {},
        "source": "stacks/local/network.py:12",
    }
    settings = {f"policies:{key}": json.dumps(value) for key, value in config.items()}
    path = folder / "stack.json"
    path.write_text(
        json.dumps({"project": "shop", "stack": "test", "config": settings, "resources": [resource]})
    )
    return path


def test_a_clean_stack_ends_well(tmp_path: Path) -> None:
    outcome = check("--recording", recording(tmp_path, internal=True))
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "1 resources, 70 policies: 0 mandatory" in outcome.stdout


def test_a_breach_is_told_with_resource_value_mend_and_place(tmp_path: Path) -> None:
    outcome = check("--recording", recording(tmp_path, internal=False))
    assert outcome.returncode == 1
    for part in (
        "mandatory: L7 local-data-network-internal (high): Keep the data network internal",
        'docker/Network "data"  internal is false  stacks/local/network.py:12',
        "mend: Set internal to true",
    ):
        assert part in outcome.stdout


def test_a_waived_breach_is_told_and_ends_well(tmp_path: Path) -> None:
    waiver = {
        "policy": "local-data-network-internal",
        "resource": "*",
        "reason": "Moving.",
        "expires": "2999-01-01",
    }
    outcome = check("--recording", recording(tmp_path, internal=False, waivers=[waiver]))
    assert outcome.returncode == 0
    assert "waived until 2999-01-01 (Moving.)" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--program", "nowhere", "--stack", "test"), "no folder 'nowhere'"),
        (("--program", "docs", "--stack", "test"), "no __main__.py in"),
        (("--recording", "pyproject.toml"), "not a recording"),
    ],
)
def test_what_can_not_be_checked_is_told_in_one_line(arguments: tuple[str, ...], says: str) -> None:
    outcome = check(*arguments)
    assert outcome.returncode == 2
    assert says in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_wrong_setting_is_told_in_one_line(tmp_path: Path) -> None:
    outcome = check("--recording", recording(tmp_path, internal=True, levels={"no-such": "advisory"}))
    assert outcome.returncode == 2
    assert "policies: policies:levels: no policy 'no-such'" in outcome.stderr


def test_a_program_that_fails_says_so_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("raise ValueError('the sky is down')")
    outcome = check("--program", tmp_path, "--stack", "test")
    assert outcome.returncode == 2
    assert "the sky is down" in outcome.stderr


def test_settings_reach_the_program_as_the_engine_would_hand_them_over(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("")
    (tmp_path / "Pulumi.yaml").write_text(
        "name: shop\nruntime: python\nconfig:\n  size: {default: 2}\n  aws:region: eu-west-1\n"
    )
    (tmp_path / "Pulumi.test.yaml").write_text(
        "config:\n  shop:open: true\n  list: [1, a]\n  key: {secure: v1:x}\n  policies:waivers:\n    - "
        "expires: 2027-01-31\n"
    )
    assert find_project(tmp_path).read_config("acme/test") == {
        "aws:region": "eu-west-1",
        "shop:size": "2",
        "shop:open": "true",
        "shop:list": '[1, "a"]',
        "shop:key": HIDDEN,
        "policies:waivers": '[{"expires": "2027-01-31"}]',
    }


def test_settings_that_are_asked_for_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("")
    with pytest.raises(ProjectError, match=r"Pulumi\.gone\.yaml"):
        find_project(tmp_path).read_config("test", tmp_path / "Pulumi.gone.yaml")


def test_tags_of_the_stacks_settings_count_where_no_provider_is_named(tmp_path: Path) -> None:
    path = recording(tmp_path, internal=True)
    content = json.loads(path.read_text())
    content["resources"][0].update(type="aws:ecs/cluster:Cluster", properties={})
    tags = {"tags": {"owner": "a", "environment": "b", "cost_centre": "c"}}
    for config, count in (({}, 1), ({"aws:defaultTags": json.dumps(tags)}, 0)):
        path.write_text(json.dumps({**content, "config": config}))
        assert f"70 policies: {count} mandatory" in check("--recording", path).stdout


def test_a_component_tells_where_it_is_made_when_no_trace_does(tmp_path: Path) -> None:
    (tmp_path / "edge.py").write_text('"""x"""\n\n\nclass Edge:\n    kind = "shop:aws:Edge"\n')
    inside = made(NETWORK)
    urn = inside.urn.replace(NETWORK, f"shop:aws:Edge${NETWORK}")
    resource = type(inside)(urn, NETWORK, "it", {})
    assert component(resource) == "shop:aws:Edge"
    assert place(resource, tmp_path) == "edge.py:5"
    assert find_component("shop:local:Edge", tmp_path) == "edge.py:4"
    assert component(inside) is None
