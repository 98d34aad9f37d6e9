"""Every variable that the store reads is handed to it on AWS, or is listed here with the reason; no more."""

from __future__ import annotations

import json

import pytest

from tests.stacks.aws.recording import Graph, container, environment, record
from tests.stacks.variables import read_by_the_store

# Read, and not handed.
NOT_HANDED = {
    "REPLICA": "the task's host name",
    "STRIPE_URL": "Stripe's own; tests name another",
    "CARRIER_URL": "the carrier's own; tests name another",
    "MEDIA_ROOT": "a task has no lasting disk: media is in the bucket",
    "MAIL_SINK_URL": "there is no sink: mails go to a relay",
}
# Handed, and not read by the bundled store: for an image of one's own.
FOR_OTHERS = {"DRAIN_SECONDS", "DATABASE_REPLICA_URL"}
RELEASE_ONLY = {"DATABASE_MIGRATOR_URL", "DATABASE_MIGRATOR_PASSWORD", "DATABASE_MASTER"}


EVERYTHING = {
    "database__replicas": "1",
    "store__gateway_url": "https://gateway.example.com",
    "store__payment_gateway": "stripe",
    "store__payment_capture": "shipment",
    "store__stripe_key": "sk_live_1",
    "store__stripe_webhook_key": "whsec_1",
    "store__carrier": "easypost",
    "store__carrier_key": "EZAK1",
    "store__carrier_webhook_key": "hook",
    "store__smtp_url": "smtps://AKIA@email-smtp.eu-central-1.amazonaws.com:465",
    "store__smtp_password": "pa55-of-smtp",
    "store__mail_from": "Shop <orders@example.com>",
}


@pytest.fixture(scope="module")
def graph() -> Graph:
    """With everything that a setting can hand."""
    return record("staging", **EVERYTHING)


def variables(graph: Graph, part: str) -> dict[str, str]:
    referenced = container(graph, part)["secrets"]
    return environment(graph, part) | {item["name"]: item["valueFrom"] for item in referenced}


@pytest.mark.parametrize("part", ["web", "worker"])
def test_what_runs_is_handed_what_the_store_reads(graph: Graph, part: str) -> None:
    names = {name.removesuffix("_SECRET_ARN") for name in variables(graph, part)}
    assert read_by_the_store() - names == NOT_HANDED.keys() | RELEASE_ONLY
    assert names - read_by_the_store() == FOR_OTHERS


def test_the_release_is_handed_the_migrator_and_no_keys_of_others(graph: Graph) -> None:
    names = {name.removesuffix("_SECRET_ARN") for name in variables(graph, "release")}
    assert names >= RELEASE_ONLY | {"DATABASE_PASSWORD", "DATABASE_CA_URL"}
    assert not names & {"STRIPE_KEY", "CARRIER_KEY", "SMTP_PASSWORD", "SESSION_KEY"}


def test_settings_reach_the_store(graph: Graph) -> None:
    web = variables(graph, "web")
    assert (web["PAYMENT_GATEWAY"], web["PAYMENT_CAPTURE"], web["CARRIER"]) == (
        "stripe",
        "shipment",
        "easypost",
    )
    assert web["SMTP_URL"].startswith("smtps://AKIA@email-smtp.")
    assert web["MAIL_FROM"] == "Shop <orders@example.com>"
    assert web["BACK_OFFICE_URL"] == "https://back-office.shop.example.com"


def test_keys_of_others_are_in_secrets_manager_and_nowhere_else(graph: Graph) -> None:
    for name, value in {
        "stripe-key": "sk_live_1",
        "carrier-key": "EZAK1",
        "smtp-password": "pa55-of-smtp",
    }.items():
        assert graph.one(f"secrets-{name}-value").inputs["secretString"] == value
        # The setting owns it: a new key there must arrive.
        assert "secretString" not in graph.one(f"secrets-{name}-value").ignored
        holders = [item.name for item in graph.resources if value in json.dumps(item.inputs, default=str)]
        assert holders == [f"secrets-{name}-value"]
    arn = variables(graph, "web")["STRIPE_KEY_SECRET_ARN"]
    assert arn.endswith("secret:storestack-staging/stripe-key")
    role = next(item for item in graph.resources if "web-role" in item.name and "policy" in item.inputs)
    assert f"{arn}-??????" in role.inputs["policy"]


def test_without_keys_there_are_no_secrets_for_them() -> None:
    plain = record(
        "staging",
        store__payment_gateway="test",
        store__gateway_url="https://gateway.example.com",
        store__stripe_key=None,
        store__stripe_webhook_key=None,
    )
    assert not [item for item in plain.resources if "stripe" in item.name or "smtp" in item.name]
    assert variables(plain, "web")["MAIL_FROM"] == "Store <store@shop.example.com>"
    assert variables(plain, "web")["PAYMENT_GATEWAY"] == "test"


def test_on_lambda_the_function_is_handed_the_same_and_it_fits() -> None:
    graph = record("staging", store__compute="lambda", **EVERYTHING)
    handed = graph.one("functions-web").inputs["environment"]["variables"]
    names = {name.removesuffix("_SECRET_ARN") for name in handed}
    # Lambda sets AWS_REGION itself.
    assert read_by_the_store() - names == NOT_HANDED.keys() | RELEASE_ONLY | {"AWS_REGION"}
    # Lambda refuses more than 4 KB of variables.
    assert sum(len(name) + len(value) for name, value in handed.items()) < 4096
