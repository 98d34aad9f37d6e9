"""Levels and waivers: who may relax what, until when, and what a wrong setting says."""

import datetime
import json
from typing import Any

import pytest

from policies.catalogue import BY_ID
from policies.graph import Graph
from policies.rules import Level
from policies.settings import SettingsError, is_production, parse
from policies.verdicts import Judge, Verdict, Violation
from tests.policies.cases import TODAY, made

WAIVER = {
    "policy": "balancer-logs",
    "resource": "public*",
    "reason": "Logs move to the new account.",
    "expires": "2026-12-31",
}


def judged(stack: str, resource: str = "public-1", **settings: Any) -> list[Verdict]:
    config = {f"policies:{key}": json.dumps(value) for key, value in settings.items()}
    judge = Judge([BY_ID["balancer-logs"]], parse(stack, config, BY_ID), TODAY)
    return list(judge.judge(Graph([made("aws:lb/loadBalancer:LoadBalancer", resource)])))


def only(verdicts: list[Verdict]) -> Violation:
    (verdict,) = verdicts
    assert isinstance(verdict, Violation)
    return verdict


def test_what_production_must_hold_to_is_only_advised_elsewhere() -> None:
    assert only(judged("production")).level is Level.MANDATORY
    assert only(judged("staging")).level is Level.ADVISORY


def test_any_stack_can_be_told_to_be_production() -> None:
    assert only(judged("staging", production=True)).level is Level.MANDATORY
    assert only(judged("production", production=False)).level is Level.ADVISORY


@pytest.mark.parametrize("stack", ["production", "prod", "shop-prod", "prod-eu", "acme/shop/production"])
def test_a_stack_named_production_is_production(stack: str) -> None:
    assert is_production(stack)


@pytest.mark.parametrize("stack", ["staging", "non-prod", "pre-prod", "products", "local"])
def test_other_stacks_are_not(stack: str) -> None:
    assert not is_production(stack)


def test_a_level_can_be_changed_or_switched_off() -> None:
    assert only(judged("staging", levels={"balancer-logs": "mandatory"})).level is Level.MANDATORY
    assert judged("production", levels={"balancer-logs": "disabled"}) == []


def test_a_waiver_turns_a_breach_into_advice_that_tells_why_and_until_when() -> None:
    verdict = only(judged("production", waivers=[WAIVER]))
    assert verdict.level is Level.ADVISORY
    assert "Waived until 2026-12-31: Logs move to the new account." in verdict.message


def test_a_waiver_counts_on_its_last_day() -> None:
    assert only(judged("production", waivers=[{**WAIVER, "expires": str(TODAY)}])).waiver


def test_a_waiver_covers_only_the_resources_that_it_names() -> None:
    assert only(judged("production", resource="internal", waivers=[WAIVER])).waiver is None


def test_an_expired_waiver_waives_nothing_and_is_a_breach_itself() -> None:
    yesterday = str(TODAY - datetime.timedelta(days=1))
    verdicts = judged("staging", waivers=[{**WAIVER, "expires": yesterday}])
    violations = [item for item in verdicts if isinstance(item, Violation)]
    assert [item.policy.id for item in violations] == ["balancer-logs", "waiver-expired"]
    assert violations[0].waiver is None
    assert violations[1].level is Level.MANDATORY
    assert yesterday in violations[1].message


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"waivers": [{**WAIVER, "reason": " "}]}, "policies:waivers[0]: has no reason"),
        ({"waivers": [{key: WAIVER[key] for key in ("policy", "resource", "reason")}]}, "has no expires"),
        ({"waivers": [{**WAIVER, "expires": "soon"}]}, "Got 'soon'"),
        ({"waivers": [{**WAIVER, "policy": "balancer-log"}]}, "did you mean 'balancer-logs'?"),
        ({"waivers": [{**WAIVER, "resources": "*"}]}, "did you mean 'resource'?"),
        ({"waivers": ["balancer-logs"]}, "Got 'balancer-logs'"),
        ({"levels": {"balancer-logs": "madatory"}}, "Got 'madatory'"),
        ({"levels": {"nothing": "advisory"}}, "no policy 'nothing'"),
        ({"production": "yes"}, "must be true or false. Got 'yes'"),
        ({"waiver": []}, "did you mean 'waivers'?"),
    ],
)
def test_a_wrong_setting_is_quoted_with_its_mend(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as error:
        judged("production", **settings)
    assert says in str(error.value)
