"""The Stripe adapter against stripe-mock over HTTP, and its reading of the states that Stripe has."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import stripe

from app.core.settings import Settings, read_settings
from app.payments.ports import BadWebhook, Charge, GatewayAway, OperationKind, OperationRefused, PaymentState
from app.payments.stripe_gateway import PAGE, StripeGateway, plan_capture, read_event, read_intent, read_page
from ci.toolchain.go_programs import STRIPE_MOCK
from tests.app.processes import is_listening, wait_until
from tests.ports import free_port

WEBHOOK_KEY = "whsec_test"


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    program = STRIPE_MOCK.locate()
    assert program, "no stripe-mock: run `python3 -m ci.toolchain install --for-tests`"
    port = free_port()
    process = subprocess.Popen(
        [program, "-http-port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: is_listening(port), lambda: "stripe-mock does not listen")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


@pytest.fixture
def stripe_settings(tmp_path: Path) -> Settings:
    for name, value in {"key": "sk_test_123", "webhook": WEBHOOK_KEY, "secret": "s" * 32}.items():
        (tmp_path / name).write_text(value)
    return read_settings(
        {
            "DATABASE_URL": "postgresql://store@127.0.0.1:1/store",
            "DATABASE_DIRECT_URL": "postgresql://store@127.0.0.1:1/store",
            "SESSION_KEY_FILE": str(tmp_path / "secret"),
            "GATEWAY_KEY_FILE": str(tmp_path / "secret"),
            "GATEWAY_WEBHOOK_KEY_FILE": str(tmp_path / "secret"),
            "PAYMENT_GATEWAY": "stripe",
            "STRIPE_KEY_FILE": str(tmp_path / "key"),
            "STRIPE_WEBHOOK_KEY_FILE": str(tmp_path / "webhook"),
        }
    )


@pytest.fixture
def gateway(stripe_settings: Settings, mock: str) -> StripeGateway:
    return StripeGateway(replace(stripe_settings, stripe_url=mock))


def charge(payment_id: str = "") -> Charge:
    return Charge(
        uuid.uuid4().hex, 1390, "EUR", "https://shop.example/checkout/return/S1?token=t", payment_id
    )


@pytest.mark.parametrize("capture", [True, False])
async def test_every_call_is_one_that_stripe_takes(gateway: StripeGateway, capture: bool) -> None:
    wanted = charge()
    payment = await gateway.take(wanted, "pm_card_visa", capture=capture)
    assert payment.id.startswith("pi_")
    assert payment.reference == wanted.reference
    # The mock remembers nothing: each of its intents was tried once, and failed.
    found = await gateway.find(wanted)
    assert found
    assert found.state is PaymentState.DECLINED
    assert (await gateway.cancel(wanted)).id.startswith("pi_")
    await gateway.ping()


@pytest.mark.parametrize("kind", list(OperationKind))
async def test_operations_are_taken_by_stripe(gateway: StripeGateway, kind: OperationKind) -> None:
    receipt = await gateway.operate(charge("pi_123"), kind, 500, f"key-{kind}")
    assert (receipt.kind, receipt.amount, receipt.key) == (kind, 500, f"key-{kind}")


async def test_a_payment_page_is_stripes_own(gateway: StripeGateway) -> None:
    wanted = charge()
    page = await gateway.take(wanted, PAGE, capture=False)
    assert page.id.startswith("cs_")
    assert page.state is PaymentState.REQUIRES_ACTION
    assert (page.amount, page.currency) == (1390, "EUR")
    found = await gateway.find(charge(page.id))
    assert found
    assert (await gateway.cancel(charge(page.id))).state is PaymentState.CANCELLED


async def test_a_stripe_that_is_away_is_said(stripe_settings: Settings) -> None:
    away = StripeGateway(replace(stripe_settings, stripe_url=f"http://127.0.0.1:{free_port()}"))
    started = time.monotonic()
    with pytest.raises(GatewayAway):
        await away.take(charge(), "pm_card_visa", capture=True)
    assert time.monotonic() - started < 2.6


def intent(status: str, **changes: Any) -> Any:
    """A PaymentIntent as Stripe sends it, with what the adapter reads."""
    recorded = {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 1390,
        "currency": "eur",
        "capture_method": "automatic",
        "last_payment_error": None,
        "next_action": None,
        "metadata": {"reference": "r"},
        **changes,
    }
    return stripe.PaymentIntent.construct_from(recorded, "sk_test_123")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("requires_payment_method", PaymentState.DECLINED),
        ("requires_action", PaymentState.REQUIRES_ACTION),
        ("processing", PaymentState.REQUIRES_ACTION),
        ("requires_capture", PaymentState.AUTHORIZED),
        ("succeeded", PaymentState.CAPTURED),
        ("canceled", PaymentState.CANCELLED),
    ],
)
def test_each_state_of_stripe_has_one_of_ours(status: str, state: PaymentState) -> None:
    payment = read_intent(intent(status), "r")
    assert (payment.state, payment.amount, payment.currency) == (state, 1390, "EUR")


def test_an_action_leads_to_the_bank_and_a_decline_has_its_reason() -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/"}}
    assert (
        read_intent(intent("requires_action", next_action=action), "r").action_url == "https://bank.example/"
    )
    declined = intent("requires_payment_method", last_payment_error={"code": "card_declined"})
    assert read_intent(declined, "r").reason == "card_declined"


@pytest.mark.parametrize(
    ("status", "of_intent", "state"),
    [
        ("open", None, PaymentState.REQUIRES_ACTION),
        ("complete", "requires_capture", PaymentState.AUTHORIZED),
        ("complete", "succeeded", PaymentState.CAPTURED),
        ("expired", None, PaymentState.CANCELLED),
    ],
)
def test_a_page_is_as_far_as_its_intent(status: str, of_intent: str | None, state: PaymentState) -> None:
    page = stripe.checkout.Session.construct_from(
        {
            "id": "cs_1",
            "status": status,
            "url": "https://checkout.stripe.com/c/1",
            "payment_intent": intent(of_intent) if of_intent else None,
        },
        "sk_test_123",
    )
    assert read_page(page, charge()).state is state


def holding(capturable: int, several: str | None) -> Any:
    """An authorized intent with its charge expanded; `several`: Stripe's word on capturing more than once."""
    card = {"multicapture": {"status": several}} if several else {}
    latest = {"id": "ch_1", "object": "charge", "payment_method_details": {"type": "card", "card": card}}
    return intent("requires_capture", amount_capturable=capturable, latest_charge=latest)


def test_a_card_that_allows_it_is_captured_parcel_by_parcel() -> None:
    first = plan_capture(holding(1390, "available"), 500)
    assert first == {"amount_to_capture": 500, "final_capture": False}
    # Asked again after it was carried out, the request is the same: Stripe compares it under its key.
    assert plan_capture(holding(890, "available"), 500) == first


@pytest.mark.parametrize("several", ["unavailable", None])
def test_a_part_of_what_can_be_captured_once_is_refused_with_the_mend(several: str | None) -> None:
    with pytest.raises(
        OperationRefused, match=r"€5.00 of €13.90 is wanted: capture all of it with the first parcel"
    ):
        plan_capture(holding(1390, several), 500)
    whole = plan_capture(holding(1390, several), 1390)
    assert whole == {"amount_to_capture": 1390}
    # Its answer was lost: nothing is left to capture, and the same is asked.
    assert plan_capture(holding(0, several), 1390) == whole


def signed(body: bytes, key: str = WEBHOOK_KEY, *, age: int = 0) -> str:
    stamp = int(time.time()) - age
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def event(kind: str, found: Any) -> bytes:
    document = {"id": "evt_1", "object": "event", "type": kind, "data": {"object": found.to_dict()}}
    return json.dumps(document).encode()


def test_webhooks_are_verified_and_read(gateway: StripeGateway) -> None:
    body = event("payment_intent.succeeded", intent("succeeded"))
    [report] = gateway.read_webhook(signed(body), body)
    assert (report.payment.reference, report.payment.state) == ("r", PaymentState.CAPTURED)
    for signature in (
        "",
        "t=1,v1=",
        signed(body, "whsec_other"),
        signed(body + b" "),
        signed(body, age=3600),
    ):
        with pytest.raises(BadWebhook):
            gateway.read_webhook(signature, body)


def test_a_capture_that_the_store_asked_for_is_no_second_fact() -> None:
    later = intent("succeeded", capture_method="manual")
    known = stripe.Event.construct_from({"type": "payment_intent.succeeded", "data": {"object": later}}, "k")
    assert read_event(known) == []
