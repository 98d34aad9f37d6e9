"""Planned sales as arithmetic: which minimums hold now, and which change is due when.

Pure functions of the settings and the time. AWS refuses a schedule in the past, and an `up` in the middle of
a sale must not take capacity away: so a sale that has begun is held by the minimum itself, and only its end
is scheduled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stacks.aws.values import Sale


@dataclass(frozen=True)
class Change:
    """At `at` (UTC) the minimum becomes `minimum` tasks."""

    name: str
    at: datetime
    minimum: int

    @property
    def schedule(self) -> str:
        return f"at({self.at:%Y-%m-%dT%H:%M:%S})"


def _least(sale: Sale, service: str, usual: int) -> int:
    """Never below the usual minimum: a sale only ever adds."""
    return max(usual, sale.minimum_web if service == "web" else sale.minimum_workers)


def minimum_now(sales: Sequence[Sale], lead: int, service: str, usual: int, now: datetime) -> int:
    """Return the minimum of `service` (`web` or `worker`) at `now`; `lead` in minutes."""
    running = [sale for sale in sales if sale.starts - timedelta(minutes=lead) <= now < sale.ends]
    return max([usual, *(_least(sale, service, usual) for sale in running)])


def changes(sales: Sequence[Sale], lead: int, service: str, usual: int, now: datetime) -> list[Change]:
    """Return the changes still to come, in order: up `lead` minutes before each sale, back when it ends."""
    due = []
    for sale in sales:
        begins = sale.starts - timedelta(minutes=lead)
        if begins > now:
            due.append(Change(f"{sale.name}-begins", begins, _least(sale, service, usual)))
        if sale.ends > now:
            due.append(Change(f"{sale.name}-ends", sale.ends, usual))
    return due
