"""Any one container may die at any moment: the service heals by itself and the ledgers still balance."""

from itertools import count
from time import monotonic, sleep

import httpx
import pytest

from loadtests.stack import Stack
from tests.live.shopping import Item, buy, check_out, checkout_body, choose_shipping, fill_cart, find_item

HEALED_WITHIN = 60.0


def kill(stack: Stack, role: str) -> None:
    """Kills every process of the role's first container, as the kernel's out-of-memory killer would."""
    stack.containers(role)[0].exec_run(["sh", "-c", "kill -9 -1"])


def buy_again(stack: Stack, item: Item) -> str:
    """The number of an order placed as soon as the store sells again; fails after `HEALED_WITHIN` seconds."""
    deadline = monotonic() + HEALED_WITHIN
    said = "nothing"
    # Each try is another shopper's: one alone would meet the limit on checkouts.
    for number in count():
        if monotonic() > deadline:
            break
        try:
            with stack.client(f"10.68.{number >> 8}.{number & 255}") as client:
                answer = buy(client, item)
            if answer.status_code == 201:
                return str(answer.json()["order"]["number"])
            said = f"{answer.status_code} {answer.text[:200]}"
        except httpx.HTTPError as problem:
            said = repr(problem)
        sleep(0.5)
    pytest.fail(f"no order within {HEALED_WITHIN:.0f} s; the last answer was {said}")


@pytest.mark.parametrize(
    "role", ["web", "worker", "gateway", "cache", "pooler", "database", "balancer", "edge"]
)
def test_the_store_sells_again_after_a_container_died(stack: Stack, client: httpx.Client, role: str) -> None:
    item = find_item(client, query="mug")
    stack.run("web", ["python", "-m", "app", "stock", str(item.variant_id), "1000"])
    before = buy(client, item).json()["order"]
    kill(stack, role)
    buy_again(stack, item)
    kept = client.get(f"/api/v1/orders/{before['number']}", params={"token": before["token"]})
    assert kept.status_code == 200, f"order {before['number']} was lost with {role}"
    stack.run("web", ["python", "-m", "app", "reconcile"])


def test_a_dead_gateway_is_said_within_three_seconds_and_the_cart_is_kept(
    stack: Stack, client: httpx.Client
) -> None:
    cart = fill_cart(client, find_item(client, query="mug").variant_id)
    body = checkout_body(cart, choose_shipping(client, cart))
    gateway = stack.container("gateway")
    gateway.pause()
    try:
        begin = monotonic()
        answer = check_out(client, body)
        taken = monotonic() - begin
    finally:
        gateway.unpause()
    assert answer.status_code in {502, 503, 504}, answer.text
    assert taken < 4, f"it took {taken:.1f} s to say so"
    assert client.get(f"/api/v1/carts/{cart}").json()["lines"]
