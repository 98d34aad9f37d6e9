"""What the shop sells, read over its API before the first visit."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor

import httpx

from loadtests.shoppers import Shelf
from loadtests.target import Target, TargetError

logging.getLogger("httpx").setLevel(logging.WARNING)

# Enough to spread the load as a real catalogue does, few enough to be read within seconds.
MOST_PRODUCTS = 100
READERS = 8


def read_shelf(target: Target, *, variants: int | None = None) -> Shelf:
    """What is in the shop and in stock; of the variants only so many, if asked. Raises TargetError."""
    handles: list[str] = []
    available: list[tuple[int, int]] = []
    try:
        with httpx.Client(
            base_url=target.url, verify=target.trust, headers=target.sign("10.255.255.254"), trust_env=False
        ) as client:
            client.get("/health/ready").raise_for_status()
            cursor: str | None = ""
            while cursor is not None and len(handles) < MOST_PRODUCTS:
                asked = {"limit": "50"} | ({"cursor": cursor} if cursor else {})
                page = client.get("/api/v1/products", params=asked).raise_for_status().json()
                handles += [item["handle"] for item in page["items"]]
                cursor = page["next_cursor"]

            def read(numbered: tuple[int, str]) -> list[tuple[int, int]]:
                number, handle = numbered
                # Each from an address of its own: one shopper may not ask so fast.
                signed = target.sign(f"10.255.{os.getpid() % 256}.{number % 254}")
                product = client.get(f"/api/v1/products/{handle}", headers=signed).raise_for_status().json()
                return [(each["available"], each["id"]) for each in product["variants"] if each["available"]]

            with ThreadPoolExecutor(READERS) as pool:
                for found in pool.map(read, enumerate(handles[:MOST_PRODUCTS])):
                    available += found
    except httpx.HTTPStatusError as error:
        raise TargetError(
            f"{error.request.url.path} answered {error.response.status_code}: is the store healthy?"
        ) from error
    except httpx.HTTPError as error:
        raise TargetError(f"the store at {target.url} does not answer ({error}): is it up?") from error
    if not available:
        raise TargetError(
            f"the store at {target.url} has nothing in stock: fill it with `python -m app import`"
        )
    # The best stocked first, so that a drop is about one item that is there.
    chosen = [variant for _, variant in sorted(available, reverse=True)][:variants]
    return Shelf(collections=["all"], products=handles[:MOST_PRODUCTS], variants=chosen)
