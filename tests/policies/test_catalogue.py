"""The catalogue as a whole: complete against the table that was agreed, and told by stories."""

import re

import pytest

from policies.catalogue import POLICIES
from policies.rules import Level, Policy
from tests.policies.cases import Kind
from tests.policies.test_sdk_names import CASES

PRODUCTION_ONLY = {4, 5, 8, 14, 15, 17, 20, 21, 31, 33, 35, 36, 43, 44, 45, 46, 52, 54, 55}
ADVISORY = {18, 30, 40, 49, 50, 51, 57}
KIT_OWN = {21, 34, 35, 36, 37, 52}


def test_all_rows_of_the_table_are_there_and_the_local_target_has_its_own() -> None:
    numbers = [policy.number for policy in POLICIES]
    assert numbers == [*map(str, range(1, 63)), *(f"L{number}" for number in range(1, 9))]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
def test_each_policy_is_kept_breached_and_missed_in_stories(policy: Policy) -> None:
    assert {case.kind for case in CASES if case.policy == policy.id} == set(Kind)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.id)
def test_each_policy_says_what_to_do(policy: Policy) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", policy.id)
    assert policy.rule[0].isupper()
    assert not policy.rule.endswith(".")
    assert policy.url.startswith("https://")
    assert len(policy.mend) > 10
    assert policy.checks


def test_levels_are_those_that_were_agreed() -> None:
    for policy in POLICIES:
        number = int(policy.number.removeprefix("L"))
        local = policy.number.startswith("L")
        expected = Level.MANDATORY
        if number in PRODUCTION_ONLY and not local:
            expected = Level.PRODUCTION
        elif number in ADVISORY and not local:
            expected = Level.ADVISORY
        elif policy.id in ("local-image-pinned", "local-health-check"):
            # An image that was just built here has no digest yet; another's may bring a check of its own.
            expected = Level.PRODUCTION
        assert (policy.id, policy.level) == (policy.id, expected)


def test_ids_that_moved_are_the_new_ones() -> None:
    given = {identifier for policy in POLICIES for identifier in policy.fsbp}
    assert {"ECS.17", "ECS.20"} <= given
    assert "ECS.1" not in given


def test_every_story_names_a_policy_that_exists() -> None:
    assert {case.policy for case in CASES} == {policy.id for policy in POLICIES}
