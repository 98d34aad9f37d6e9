"""Files of settings: read as Pulumi would, and made so that stacks never collide."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from ci import environments
from ci.environments import SUBNETS, Taken, choose, flatten
from stacks.settings import SettingsError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "CHECKOUT", tmp_path)
    return tmp_path


def test_values_are_texts_as_pulumi_hands_them_over() -> None:
    document = {"config": {"store:web": 3, "store:sample_data": False, "edge:host": "localhost"}}
    assert flatten(document) == {"store:web": "3", "store:sample_data": "false", "edge:host": "localhost"}


def test_a_file_without_configuration_has_the_defaults(checkout: Path) -> None:
    (checkout / "Pulumi.a.yaml").write_text("encryptionsalt: x\n")
    assert environments.read("a").edge.https_port == 8443


@pytest.mark.parametrize("text", ["config: [", "\t", "config:\n  - a: b: c"])
def test_a_file_that_is_no_yaml_is_one_line(checkout: Path, text: str) -> None:
    (checkout / "Pulumi.a.yaml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        environments.read("a")
    assert len(str(caught.value).splitlines()) == 1
    assert "Pulumi.a.yaml" in str(caught.value)


def test_a_missing_file_is_one_line(checkout: Path) -> None:
    with pytest.raises(SettingsError, match=r"Pulumi\.none\.yaml cannot be read"):
        environments.read("none")


def test_a_new_stack_keeps_clear_of_ports_and_subnets() -> None:
    taken = Taken(ports=frozenset({8444, 8082}), subnets=(IPv4Network("10.203.0.0/16"),))
    with pytest.raises(SettingsError, match="no free ports or subnet"):
        choose(taken)
    taken = Taken(ports=frozenset({8444, 8082}), subnets=(SUBNETS[0], IPv4Network("10.203.2.128/25")))
    assert choose(taken) == (8446, 8083, SUBNETS[2])


def test_mistakes_in_another_stacks_file_are_its_own_business(checkout: Path) -> None:
    (checkout / "Pulumi.good.yaml").write_text("config:\n  edge:https_port: 9000\n")
    (checkout / "Pulumi.bad.yaml").write_text("config:\n  edge:https_port: x\n")
    assert [settings.stack for settings in environments.others("new")] == ["good"]


def test_a_made_file_is_read_back_as_it_was_meant(checkout: Path) -> None:
    text = environments.FILE.format(stack="a", salt="v1:x", https=8450, http=8087, subnet=SUBNETS[5])
    (checkout / "Pulumi.a.yaml").write_text(text)
    settings = environments.read("a")
    assert (settings.edge.https_port, settings.edge.http_port) == (8450, 8087)
    assert settings.network.subnet == SUBNETS[5]
