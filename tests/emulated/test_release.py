"""What a release on AWS does beside Pulumi, against the emulator: lock, audit log, registry, release task."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("botocore", reason="the SDK of AWS is not installed: install requirements/aws.lock")

from ci import deployment
from ci.deployment import DeploymentError
from ci.release import amazon, bucket, journal, lock
from ci.release.bucket import Bucket
from ci.release.journal import Attempt


@pytest.fixture
def place(emulator: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bucket:
    """The place of the stack `shop` in a bucket of this test's own, as a pipeline's variables name it."""
    name = f"state-{tmp_path.name.replace('_', '-')}"[:60].rstrip("-")
    for variable, value in {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PULUMI_BACKEND_URL": f"s3://{name}/pulumi?region=us-east-1",
    }.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(deployment, "STATE", tmp_path)
    bucket.client("s3").create_bucket(Bucket=name)
    found = bucket.find("shop")
    assert found is not None
    assert found.prefix == "pulumi/.storestack/shop"
    return found


def holder(what: str) -> dict[str, str]:
    return {
        "what": what,
        "who": "ada",
        "process": "7",
        "host": "runner-1",
        "since": "2026-11-23T01:00:00+00:00",
    }


def test_a_release_on_another_machine_is_told_of_the_first(place: Bucket) -> None:
    with (
        bucket.lease(place, holder("make release STACK=shop")) as other,
        pytest.raises(DeploymentError) as caught,
        lock.hold("shop", "make rollback STACK=shop"),
    ):
        pytest.fail("two held it")
    assert other is None
    assert "`make release STACK=shop` of ada, process 7 on runner-1, since 2026-11-23T01:00" in str(
        caught.value
    )
    with lock.hold("shop", "make rollback STACK=shop"):
        assert place.get("lock.json") is not None
    assert place.get("lock.json") is None


def test_the_lease_of_a_dead_release_is_taken_over(place: Bucket) -> None:
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert place.put("lock.json", json.dumps({**holder("make release STACK=shop"), "until": over}))
    with lock.hold("shop", "make up STACK=shop"):
        found = place.get("lock.json")
        assert found is not None
        assert json.loads(found[0])["what"] == "make up STACK=shop"


def test_the_audit_log_is_the_same_from_every_machine(place: Bucket) -> None:
    for image in ("a", "b"):
        with journal.record("shop", "release", Attempt(f"v-{image}", image, "c0ffee")):
            pass
    assert not journal.path("shop").exists()
    assert [(entry.event, entry.image) for entry in journal.read("shop")] == [
        ("started", "a"),
        ("succeeded", "a"),
        ("started", "b"),
        ("succeeded", "b"),
    ]
    assert [entry.image for entry in journal.line_of(journal.read("shop"))] == ["a", "b"]


def test_the_digest_of_a_version_is_the_registrys(place: Bucket) -> None:
    ecr = bucket.client("ecr")
    ecr.create_repository(repositoryName="shop/store")
    assert amazon.find(ecr, "shop/store", "1a2b") == ""
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"})
    put = ecr.put_image(repositoryName="shop/store", imageManifest=manifest, imageTag="1a2b")
    digest = put["image"]["imageId"]["imageDigest"]
    assert amazon.find(ecr, "shop/store", "1a2b") == digest
    with pytest.raises(DeploymentError, match="repository shop/none"):
        amazon.find(ecr, "shop/none", "1a2b")
    assert set(amazon.credentials(ecr)) == {"username", "password"}


@pytest.mark.parametrize(
    ("codes", "reason"),
    [([3], "exit code 3"), ([None], "no exit code"), ([0, 1], "exit code 0, exit code 1"), ([], "nothing")],
)
def test_a_release_task_that_does_not_end_well_stops_the_release(
    codes: list[int | None], reason: str
) -> None:
    task = {
        "containers": [{"exitCode": code} for code in codes],
        "stoppedReason": "Essential container exited",
    }
    with pytest.raises(DeploymentError, match=reason) as caught:
        amazon.judge(task)
    assert "nothing newer was started" in str(caught.value)


def test_a_release_task_that_ends_with_0_lets_the_release_go_on() -> None:
    amazon.judge({"containers": [{"exitCode": 0}]})
