"""What the firewall is told. What it lets through and what it refuses, the live tests ask it themselves."""

import re

import pytest

from stacks.local.configuration import modsecurity
from stacks.local.configuration.modsecurity import Firewall, Mode


def text(firewall: Firewall, body_mb: int = 10) -> str:
    return modsecurity.render(firewall, body_mb)["modsecurity/main.conf"]


@pytest.mark.parametrize(("mode", "engine"), [(Mode.BLOCK, "On"), (Mode.DETECT, "DetectionOnly")])
def test_the_mode_decides_whether_an_attack_is_refused_or_only_noted(mode: Mode, engine: str) -> None:
    assert f"SecRuleEngine {engine}\n" in text(Firewall(mode=mode))


def test_a_firewall_that_is_off_has_no_rules() -> None:
    assert modsecurity.render(Firewall(mode=Mode.OFF), 10) == {}


def test_the_settings_come_before_the_rules_and_the_exclusions_after() -> None:
    rules = text(Firewall(paranoia=3))
    assert rules.index("tx.paranoia_level=3") < rules.index("Include ")
    assert rules.rindex("Include ") < min(
        rules.index("SecRuleRemoveById"), rules.index("SecRuleUpdateTarget")
    )
    assert rules.index("SecRuleUpdateTarget") < rules.index("id:111,")


def test_a_body_may_be_as_large_as_nginx_lets_it_be() -> None:
    assert "SecRequestBodyLimit 3145728\n" in text(Firewall(), body_mb=3)


def test_neither_answers_nor_bodies_are_written_to_the_log() -> None:
    rules = text(Firewall())
    assert "SecResponseBodyAccess Off" in rules
    assert "SecAuditLogParts AHZ\n" in rules
    assert "ctl:auditLogParts=-E" in rules


def test_each_exclusion_says_why() -> None:
    rules = text(Firewall())
    for exclusion in modsecurity.EXCLUSIONS:
        assert f"# {exclusion.reason}\n{exclusion.rule}\n" in rules


def test_no_two_own_rules_share_a_number() -> None:
    numbers = re.findall(r"\bid:(\d+)", text(Firewall()))
    assert len(numbers) == len(set(numbers))
