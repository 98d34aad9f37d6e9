"""`make policies`: which environments it holds against the policies, and what it says of them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ci import policies
from ci.policies import Environment, Outcome, examine, find_environments, report
from policies.check import Summary

PROGRAM = """import pulumi, pulumi_docker as docker
docker.Network("data", internal=pulumi.Config("network").require_bool("internal"))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one program and three environments: one kept, one breached, one that can't run."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    for stack, internal in (("kept", "true"), ("breached", "false"), ("broken", "perhaps")):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text(f"config:\n  network:internal: {internal!r}\n")
    monkeypatch.setattr(policies, "CHECKOUT", tmp_path)
    return tmp_path


def test_each_environment_is_a_row_and_one_that_breaches_or_breaks_fails_the_run(
    checkout: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(UTC).date()
    outcomes = [examine(environment, today) for environment in find_environments(checkout, [])]
    assert report(outcomes, checkout) == 2
    shown = capfd.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in shown.out.splitlines() if line.split()}
    assert rows["kept"] == ["1", "0", "0", "0", "0"]
    assert rows["breached"] == ["1", "1", "0", "0", "0"]
    assert 'docker/Network "data"  internal is false  __main__.py:2' in shown.out
    assert "policies: broken: " in shown.err
    assert "network:internal" in shown.err
    assert report([outcome for outcome in outcomes if not outcome.problem], checkout) == 1
    assert report([outcome for outcome in outcomes if outcome.environment.stack == "kept"], checkout) == 0


def test_an_environment_on_aws_without_a_store_is_held_with_one_too(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.mine.yaml").write_text(
        "config:\n  storestack:target: aws\n  store:compute: none\n  policies:levels: {cdn-logs: disabled}\n"
    )
    (tmp_path / "Pulumi.local.yaml").write_text("config:\n  storestack:target: local\n")
    titles = [environment.title for environment in find_environments(tmp_path, [])]
    assert titles == ["local", "mine", "mine, with a store"]
    assert [item.title for item in find_environments(tmp_path, ["local"])] == ["local"]


def test_what_both_have_is_told_once(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout / "Pulumi.breached.yaml"
    bare = examine(Environment("breached", file), datetime.now(UTC).date())
    with_store = Outcome(Environment("breached", file, (("a", "b"),)), Summary(1, 1, 0, 0, 0), bare.verdicts)
    report([bare, with_store], checkout)
    assert capsys.readouterr().out.count("internal is false") == 1


def test_a_stack_without_a_file_is_told_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["ci.policies", "gone"])
    assert policies.main() == 2
    assert "no Pulumi.gone.yaml here" in capsys.readouterr().err
