"""Who works with the store beside its shoppers, by API key: a marketplace and the staff's own tools.

They ask at a rate of their own, whatever the profile brings, and each is a group of its own in the report.
They only read: a run must leave orders and stock to its shoppers. The back office's screens want a person
with a second factor, so nobody walks through them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

import gevent
from locust.env import Environment

from loadtests.target import KEY
from loadtests.visitor import Odd, Visit, Visitor

# A partner that the store keeps waiting comes no more often than this at once.
MOST_AT_ONCE = 20


class Partner(Visitor):
    """One visit of a partner: the same key from anywhere."""

    abstract = True
    key: ClassVar[str] = ""

    def follow_orders(self) -> None:
        """A marketplace: the newest orders, one of them whole, and what is in stock."""
        found = self._read("marketplace", "/api/v1/admin/orders?limit=50")["items"]
        if found:
            number = self.random.choice(found)["number"]
            order = self._read(
                "marketplace", f"/api/v1/admin/orders/{number}", "/api/v1/admin/orders/{number}"
            )
            if order["number"] != number:
                raise Odd
        self._read("marketplace", "/api/v1/admin/stock?limit=100")

    def work(self) -> None:
        """Staff: the orders that wait to be sent, and the products."""
        self._read("staff", "/api/v1/admin/orders?state=confirmed&limit=20")
        self.pause(1.0)
        self._read("staff", "/api/v1/admin/products?limit=20")

    def _read(self, group: str, path: str, name: str | None = None) -> dict[str, Any]:
        return self.call("GET", group, path, name=name, headers={"Authorization": f"Bearer {self.key}"})


PARTNERS: dict[str, Visit] = {"marketplace": Partner.follow_orders, "staff": Partner.work}


def bring_partners(environment: Environment, rates: Mapping[str, float]) -> None:
    """Bring them at so many visits a second each, for as long as this process runs; none without a key."""
    Partner.key = os.environ.get(KEY, "")
    # Locust tells only its own users where to go.
    Partner.host = Partner.target.url
    if Partner.key:
        for name, rate in rates.items():
            if rate > 0:
                gevent.spawn(_bring, environment, PARTNERS[name], rate)


def _bring(environment: Environment, visit: Visit, rate: float) -> None:
    free = [Partner(environment) for _ in range(MOST_AT_ONCE)]
    while True:
        free[0].pause(1 / rate)
        if len(free) > 1:
            gevent.spawn(_visit, visit, free.pop(), free)


def _visit(visit: Visit, partner: Partner, free: list[Partner]) -> None:
    try:
        partner.come()
        visit(partner)
    except Odd:
        return
    finally:
        free.append(partner)
