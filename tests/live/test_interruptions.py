"""Parts of the stack die in the middle of checkouts: no order is lost or half, and the gateway agrees."""

import asyncio
import os
from collections.abc import Callable, Iterator
from time import sleep

import httpx
import pytest

from loadtests.stack import Stack
from tests.live.buyers import Buyers, Crowd, check_books, newest_order, wait_until_settled
from tests.live.shopping import choose_shipping, fill_cart, find_item

BUYERS = int(os.environ.get("STORESTACK_BUYERS", "2000")) // 20
# Fewer than buyers: who comes late is refused, and refusals must survive as well.
UNITS = BUYERS // 2
# Of the checkouts; with slow payments among them some are always in the gateway's hands.
AFTER_SECONDS = 1.0
AWAY_SECONDS = 3.0


def kill_gateway(stack: Stack) -> None:
    """Away for a while, as after a crash of its machine."""
    gateway = stack.engine.containers.get(str(stack.container("gateway").id))
    gateway.kill()
    sleep(AWAY_SECONDS)
    gateway.start()


def restart_database(stack: Stack) -> None:
    """Sessions end in mid-statement, whatever was not committed is gone."""
    stack.engine.containers.get(str(stack.container("database").id)).restart(timeout=0)


def kill_web(stack: Stack) -> None:
    """One web container after the other dies with the requests it had."""
    for container in stack.containers("web"):
        container.exec_run(["sh", "-c", "kill -9 -1"])
        sleep(AWAY_SECONDS)


@pytest.fixture
def variant(stack: Stack, client: httpx.Client) -> Iterator[int]:
    """An item with few units."""
    variant = find_item(client, query="scarf").variant_id
    stack.run("web", ["python", "-m", "app", "stock", str(variant), str(UNITS)])
    yield variant
    stack.run("web", ["python", "-m", "app", "stock", str(variant), "1000"])


async def shop_through(buyers: Buyers, interrupt: Callable[[Stack], None]) -> Crowd:
    async def interrupt_checkouts() -> None:
        await buyers.ordering.wait()
        await asyncio.sleep(AFTER_SECONDS)
        await asyncio.to_thread(interrupt, buyers.stack)

    crowd, _ = await asyncio.gather(buyers.rush(BUYERS), interrupt_checkouts())
    return crowd


@pytest.mark.parametrize("interrupt", [kill_gateway, restart_database, kill_web])
def test_whatever_dies_in_mid_checkout_every_order_is_whole_or_not_there(
    stack: Stack, client: httpx.Client, variant: int, interrupt: Callable[[Stack], None]
) -> None:
    shipping = choose_shipping(client, fill_cart(client, variant))
    since = newest_order(stack)
    buyers = Buyers(stack, variant, shipping, ["tok_ok", "tok_slow", "tok_slow", "tok_declined"])
    crowd = asyncio.run(shop_through(buyers, interrupt))
    assert set(crowd.ended) <= {201, 402, 409}, f"{crowd.ended}; {crowd.faults[:5]}"
    assert not crowd.changed, crowd.changed[:5]
    # The edge and the balancer say that something is away; the store itself never breaks.
    assert not [fault for fault in crowd.faults if fault.startswith("500")], crowd.faults[:5]
    wait_until_settled(stack)
    check_books(stack, crowd, variant, units=UNITS, since=since)
