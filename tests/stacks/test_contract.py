"""Every variable that the store reads is handed to it on each target, or is listed here with the reason."""

from __future__ import annotations

from tests.stacks.graph import record
from tests.stacks.variables import read_by_the_store

# Read, and not handed: each has a default that is right there.
NOT_HANDED = {
    "REPLICA": "the host's name is the container's",
    "STRIPE_URL": "Stripe's own; tests name another",
    "CARRIER_URL": "the carrier's own; tests name another",
    "MEDIA_BUCKET": "pictures are in a volume",
    "AWS_REGION": "there is no bucket",
    "DATABASE_CA_URL": "the pooler is reached on a network of the stack's own",
    "DATABASE_MASTER": "the database's image makes the roles",
    "DATABASE_MIGRATOR_URL": "the release is handed the migrator's address as DATABASE_DIRECT_URL",
    "DATABASE_MIGRATOR_PASSWORD": "the release is handed the migrator's password as DATABASE_PASSWORD",
}
EVERYTHING = {
    "store:payment_gateway": "stripe",
    "store:stripe_key": "sk_test_1",
    "store:stripe_webhook_key": "whsec_1",
    "store:carrier": "easypost",
    "store:carrier_key": "EZTK1",
    "store:carrier_webhook_key": "hook",
    "store:smtp_url": "smtp://relay.example.com",
    "store:smtp_password": "mail",
}


def handed(config: dict[str, str], role: str) -> set[str]:
    graph = record(config)
    return {
        text.split("=")[0].removesuffix("_FILE")
        for container in graph.containers.values()
        if graph.role(container) == role
        for text in container.inputs["envs"]
    }


def test_the_local_target_hands_web_and_workers_what_they_read() -> None:
    read = read_by_the_store()
    for role in ("web", "worker"):
        found = handed(EVERYTHING, role) | handed({}, role)
        assert read - found == set(NOT_HANDED), role
        assert found - read == set(), role


def test_the_variables_are_found_in_the_stores_source() -> None:
    assert {"PORT", "DATABASE_URL", "SESSION_KEY", "MEDIA_ROOT", "BACK_OFFICE_URL"} <= read_by_the_store()
