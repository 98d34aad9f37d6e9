"""Stories of the policies of storage and of what holds data."""

import json
from typing import Any

import pytest

from policies.graph import UNKNOWN, Resource
from policies.verdicts import Undecided, Violation
from tests.policies.cases import Case, breached, judge, kept, made, missing, run, stories

BUCKET = made("aws:s3/bucket:Bucket", "media", bucket="media")
OLD_BUCKET = made("aws:s3/bucketV2:BucketV2", "old", bucket="old")
ALL_FOUR: dict[str, Any] = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)


def beside(kind: str, bucket: Resource = BUCKET, /, **properties: Any) -> Resource:
    token = f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}"
    return made(token, kind, refers={"bucket": bucket}, bucket=UNKNOWN, **properties)


def deny(**changes: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **changes,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def guards(bucket: Resource = BUCKET) -> dict[str, Resource]:
    encryption = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
    return {
        "block": beside("BucketPublicAccessBlock", bucket, **ALL_FOUR),
        "encryption": beside("BucketServerSideEncryptionConfiguration", bucket, rules=encryption),
        "versioning": beside("BucketVersioning", bucket, versioningConfiguration={"status": "Enabled"}),
        "policy": beside("BucketPolicy", bucket, policy=deny()),
    }


def guarded(**changes: Resource) -> list[Resource]:
    return [BUCKET, *{**guards(), **changes}.values()]


UPKEEP = (
    beside("BucketLifecycleConfiguration", rules=[{"id": "old", "status": "Enabled"}]),
    beside("BucketLogging", targetBucket="logs", targetPrefix="media/"),
)
OWNED = beside("BucketOwnershipControls", rule={"objectOwnership": "BucketOwnerEnforced"})
SHARED = beside("BucketOwnershipControls", rule={"objectOwnership": "ObjectWriter"})
ACL = beside("BucketAcl", acl="public-read")

CASES: list[Case] = [
    kept("bucket-private", "guarded by its four", *guarded()),
    kept("bucket-private", "guarded under the old type names", OLD_BUCKET, *guards(OLD_BUCKET).values()),
    breached(
        "bucket-private",
        "one of the four switches off",
        "blockPublicPolicy",
        *guarded(block=beside("BucketPublicAccessBlock", **{**ALL_FOUR, "blockPublicPolicy": False})),
    ),
    breached(
        "bucket-private",
        "versions suspended",
        '"Suspended"',
        *guarded(versioning=beside("BucketVersioning", versioningConfiguration={"status": "Suspended"})),
    ),
    breached(
        "bucket-private",
        "a policy that denies something else",
        "denies plain HTTP",
        *guarded(
            policy=beside("BucketPolicy", policy=deny(Condition={"Bool": {"aws:ViaAWSService": "false"}}))
        ),
    ),
    breached(
        "bucket-private",
        "a policy that denies plain HTTP for reading only",
        "denies plain HTTP",
        *guarded(policy=beside("BucketPolicy", policy=deny(Action="s3:GetObject"))),
    ),
    *(
        missing(
            "bucket-private",
            f"no {name}",
            kind,
            *(item for key, item in zip(("bucket", *guards()), guarded(), strict=True) if key != name),
        )
        for name, kind in (
            ("block", "has no s3 BucketPublicAccessBlock"),
            ("encryption", "has no s3 BucketServerSideEncryptionConfiguration"),
            ("versioning", "has no s3 BucketVersioning"),
            ("policy", "has no s3 BucketPolicy"),
        )
    ),
    kept("bucket-upkeep", "looked after", BUCKET, *UPKEEP, OWNED),
    kept(
        "bucket-upkeep",
        "a bucket of logs need not log itself",
        BUCKET,
        UPKEEP[0],
        OWNED,
        made("aws:lb/loadBalancer:LoadBalancer", accessLogs={"bucket": "media", "enabled": True}),
    ),
    breached("bucket-upkeep", "objects of others", '"ObjectWriter"', BUCKET, *UPKEEP, SHARED),
    breached("bucket-upkeep", "an ACL", "given by a BucketAcl", BUCKET, *UPKEEP, ACL),
    missing(
        "bucket-upkeep", "never expires", "has no s3 BucketLifecycleConfiguration", BUCKET, UPKEEP[1], OWNED
    ),
    missing("bucket-upkeep", "not logged", "has no s3 BucketLogging", BUCKET, UPKEEP[0], OWNED),
    missing("bucket-upkeep", "nobody said who owns objects", "BucketOwnershipControls", BUCKET, *UPKEEP),
    kept("data-protected", "protected", made("aws:rds/instance:Instance", protect=True)),
    kept(
        "data-protected",
        "a replica can be made again",
        made("aws:rds/instance:Instance", replicateSourceDb="shop"),
    ),
    breached(
        "data-protected", "a database", "protect is false", made("aws:rds/instance:Instance", protect=False)
    ),
    missing("data-protected", "a bucket, unprotected by default", "protect is false", BUCKET),
]


@stories(CASES)
def test_storage(case: Case) -> None:
    run(case)


def test_a_policy_not_known_yet_leaves_only_itself_undecided() -> None:
    verdicts = judge("bucket-private", [BUCKET, beside("BucketPolicy", policy=UNKNOWN)])
    assert sum(isinstance(verdict, Violation) for verdict in verdicts) == 3
    assert [verdict.path for verdict in verdicts if isinstance(verdict, Undecided)] == ["policy"]


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_everyone_can_be_written_in_three_ways(principal: object) -> None:
    run(kept("bucket-private", "", *guarded(policy=beside("BucketPolicy", policy=deny(Principal=principal)))))
