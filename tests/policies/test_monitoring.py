"""Stories of the policies of monitoring, the trail and tags."""

import json
from typing import Any

import pytest

from policies.graph import Resource
from tests.policies.cases import Case, breached, kept, made, missing, run, stories

TAGS = {"owner": "shop", "environment": "test", "cost_centre": "42"}
KEY = "aws:kms/key:Key"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def trail(**changes: Any) -> Resource:
    given = {"isMultiRegionTrail": True, "enableLogFileValidation": True, "kmsKeyId": "arn:key", "tags": TAGS}
    return made("aws:cloudtrail/trail:Trail", "all", **{**given, **changes})


PROVIDER = made("pulumi:providers:aws", "eu", defaultTags=json.dumps({"tags": TAGS}))
TAGGED_BY_PROVIDER = made("aws:sns/topic:Topic", provider=f"{PROVIDER.urn}::eu-id")

CASES: list[Case] = [
    kept("monitoring-upkeep", "a key that rotates", made(KEY, enableKeyRotation=True)),
    kept("monitoring-upkeep", "a key that AWS can't rotate", made(KEY, customerMasterKeySpec="RSA_4096")),
    kept(
        "monitoring-upkeep", "logs for a year", made("aws:cloudwatch/logGroup:LogGroup", retentionInDays=365)
    ),
    kept("monitoring-upkeep", "an alarm that calls", made(ALARM, alarmActions=["arn:topic"])),
    breached(
        "monitoring-upkeep",
        "a key that stays",
        "enableKeyRotation is false",
        made(KEY, enableKeyRotation=False),
    ),
    breached(
        "monitoring-upkeep",
        "logs for ever",
        "retentionInDays is 0",
        made("aws:cloudwatch/logGroup:LogGroup", retentionInDays=0),
    ),
    breached(
        "monitoring-upkeep",
        "an alarm on mute",
        "actionsEnabled is false",
        made(ALARM, alarmActions=["arn:topic"], actionsEnabled=False),
    ),
    missing("monitoring-upkeep", "keys stay by default", "enableKeyRotation is not set", made(KEY)),
    missing(
        "monitoring-upkeep",
        "logs stay by default",
        "retentionInDays is not set",
        made("aws:cloudwatch/logGroup:LogGroup"),
    ),
    missing("monitoring-upkeep", "a plain topic", "kmsMasterKeyId is not set", made("aws:sns/topic:Topic")),
    missing("monitoring-upkeep", "an alarm that calls nobody", "alarmActions is not set", made(ALARM)),
    kept("account-trail-and-tags", "a whole trail", trail()),
    kept("account-trail-and-tags", "tagged by its provider", PROVIDER, TAGGED_BY_PROVIDER),
    kept(
        "account-trail-and-tags",
        "tagged in another spelling",
        made(KEY, tags={"Owner": "a", "Env": "b", "CostCenter": "c"}),
    ),
    breached(
        "account-trail-and-tags", "one region", "isMultiRegionTrail is false", trail(isMultiRegionTrail=False)
    ),
    breached("account-trail-and-tags", "switched off", "enableLogging is false", trail(enableLogging=False)),
    breached(
        "account-trail-and-tags",
        "nobody pays",
        "without cost_centre",
        made(KEY, tags={"owner": "a", "environment": "b"}),
    ),
    breached(
        "account-trail-and-tags", "an empty owner", "without owner", made(KEY, tags={**TAGS, "owner": ""})
    ),
    missing("account-trail-and-tags", "a plain trail", "kmsKeyId is not set", trail(kmsKeyId=None)),
    missing("account-trail-and-tags", "no tags", "without owner, environment, cost_centre", made(KEY)),
]


@stories(CASES)
def test_monitoring(case: Case) -> None:
    run(case)


@pytest.mark.parametrize("name", ["cost-centre", "CostCentre", "cost_center", "cost centre"])
def test_the_cost_centre_may_be_spelt_as_one_likes(name: str) -> None:
    run(kept("account-trail-and-tags", name, made(KEY, tags={"owner": "a", "environment": "b", name: "c"})))
