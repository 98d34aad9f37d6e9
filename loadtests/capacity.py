"""The capacity plan: a forecast of orders a minute → web containers, workers, database → cost a month.

Pure: it reads what `replicas` measured (`scale` of its report) and ci/prices.toml. Nothing is planned beyond
twice what was measured, and where the Scalability Law is not identifiable nothing beyond what was measured.

`python -m loadtests.capacity REPORT.json --forecast 300` plans again from a report that is there.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

from ci.cost import HOURS, CostError, load_prices
from loadtests.scalability import BEYOND, Fit, fit
from loadtests.sections import Section

# Of what they hold at most: the rest is for the minutes above the mean and for a container that is away.
HEADROOM: Final = 0.7
LEAST_CONTAINERS: Final = 2
# Fargate's sizes: vCPU, and the least memory in GB that it comes with (AWS, "Task CPU and memory").
TASKS: Final = ((0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0))
# Cores that a class gives for good: a T4g's baseline (AWS, "CPU credits": 10 or 20 % of two), else its vCPUs.
DATABASES: Final = (
    ("db.t4g.micro", 0.2),
    ("db.t4g.small", 0.4),
    ("db.t4g.medium", 0.4),
    ("db.m7g.large", 2.0),
)
ASSUMPTIONS: Final = (
    f"Web containers, workers and database are loaded to {HEADROOM:.0%} of what they hold or less.",
    "A core of the measured machine does as much as an AWS vCPU: measure on AWS before relying on it.",
    "The shoppers' mix is that of the measurement; workers and database take as much of a core for each order"
    " at any rate.",
    "The database is sized by its cores, not by its memory or storage, and is Multi-AZ.",
    "List prices, without tax, discounts, traffic, the load balancer, the cache or what else is hosted.",
)


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """Orders a minute by number of web containers, and core seconds of an order by role."""

    web_cpus: float
    worker_cpus: float
    points: list[tuple[float, float]]
    core_seconds: dict[str, float]


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """So many of one thing; `monthly` in USD, None where no price is known."""

    role: str
    count: int
    what: str
    monthly: float | None
    priced: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the forecast needs; `reason` says why nothing can be planned, if so."""

    forecast: float
    needs: list[Need] = []
    monthly: float | None = None
    reason: str = ""
    region: str = ""
    assumptions: tuple[str, ...] = ASSUMPTIONS


def make_plan(forecast: float, measured: Measurement, prices: Mapping[str, Any]) -> Plan:
    """Plan for that many orders a minute. Raises ValueError for a forecast that is none."""
    if not (forecast > 0 and math.isfinite(forecast)):
        raise ValueError(f"forecast {forecast!r}: orders a minute, a number above 0")
    law = fit(measured.points)
    containers, reason = count_containers(forecast, measured.points, law)
    if containers is None:
        return Plan(forecast=forecast, reason=reason)
    needs = [_size_tasks("web", containers, measured.web_cpus, prices)]
    cores = forecast / 60 * measured.core_seconds.get("worker", 0.0) / HEADROOM
    workers = max(math.ceil(cores / measured.worker_cpus), LEAST_CONTAINERS)
    needs.append(_size_tasks("worker", workers, measured.worker_cpus, prices))
    needs.append(
        _size_database(forecast / 60 * measured.core_seconds.get("database", 0.0) / HEADROOM, prices)
    )
    known = [need.monthly for need in needs if need.monthly is not None]
    return Plan(
        forecast=forecast,
        needs=needs,
        monthly=sum(known) if len(known) == len(needs) else None,
        region=str(prices["region"]),
    )


def count_containers(
    forecast: float, points: Sequence[tuple[float, float]], law: Fit
) -> tuple[int | None, str]:
    """The fewest web containers that are expected to hold it with headroom; else why there is no number."""
    largest = max((size for size, _ in points), default=0.0)
    if law.identifiable:
        # The interval's lower end: what nearly every repetition of the measurement would have found.
        held = {size: law.predict(size).low for size in range(1, int(BEYOND * largest) + 1)}
        within = f"up to {int(BEYOND * largest)} web containers, twice what was measured"
    else:
        sizes = {int(size) for size, _ in points}
        held = {
            each: min(value for size, value in points if size == each) for each in sizes if each == int(each)
        }
        within = f"up to {largest:g} web containers ({law.reason})"
    enough = [
        size for size, value in held.items() if size >= LEAST_CONTAINERS and value * HEADROOM >= forecast
    ]
    if enough:
        return min(enough), ""
    most = max(held.values(), default=0.0) * HEADROOM
    return None, (
        f"{forecast:g} orders a minute are more than the {most:.0f} that can be planned {within}:"
        " measure with more or larger containers"
    )


def _size_tasks(role: str, count: int, cpus: float, prices: Mapping[str, Any]) -> Need:
    """Tasks of the smallest size that has the cores which were measured."""
    size = next(((vcpu, memory) for vcpu, memory in TASKS if vcpu >= cpus), None)
    if size is None:
        what = f"{count} containers of {cpus:g} cores: more than {TASKS[-1][0]:g} are not planned"
        return Need(role=role, count=count, what=what, monthly=None)
    vcpu, memory = size
    table = prices["fargate"]
    each = vcpu * table["vcpu"]["price"] + memory * table["memory"]["price"]
    return Need(
        role=role,
        count=count,
        what=f"{count} Fargate tasks of {vcpu:g} vCPU and {memory:g} GB (measured: {cpus:g} cores)",
        monthly=count * each * HOURS,
        priced=str(table["vcpu"]["date"]),
    )


def _size_database(cores: float, prices: Mapping[str, Any]) -> Need:
    for name, given in DATABASES:
        if given >= cores and (entry := prices["database"].get(name)):
            return Need(
                role="database",
                count=1,
                what=f"{name}, Multi-AZ ({cores:.2f} cores needed, {given:g} given for good)",
                monthly=2 * entry["price"] * HOURS,
                priced=str(entry["date"]),
            )
    what = f"a class of {cores:.1f} cores or more, which the price table does not have"
    return Need(role="database", count=1, what=what, monthly=None)


def describe_plan(plan: Plan) -> Section:
    """The plan as a section of the report."""
    title = f"The capacity plan for {plan.forecast:g} orders a minute"
    if plan.reason:
        return Section(title=title, text=[f"There is none: {plan.reason}."])
    total = "unknown" if plan.monthly is None else f"{plan.monthly:,.2f} USD"
    return Section(
        title=title,
        text=[f"Together a month in {plan.region}: {total}.", *plan.assumptions],
        head=["role", "needed", "USD a month", "price of"],
        rows=[
            [
                need.role,
                need.what,
                "unknown" if need.monthly is None else f"{need.monthly:,.2f}",
                need.priced,
            ]
            for need in plan.needs
        ],
    )


def read_measurement(path: Path) -> Measurement:
    """What a report of `replicas` measured. Raises ValueError."""
    try:
        document = msgspec.json.decode(path.read_bytes())
        return msgspec.convert(document["scale"]["measurement"], Measurement)
    except (KeyError, TypeError, msgspec.DecodeError) as error:
        raise ValueError(f"{path} is no report of `make load PROFILE=replicas`: {error!r}") from error


def summarize(points: Sequence[tuple[float, float]]) -> list[tuple[int, float, float]]:
    """By number of containers: the median of its repeats, and its efficiency against one container."""
    sizes = sorted({int(size) for size, _ in points})
    middle = {each: median(value for size, value in points if size == each) for each in sizes}
    alone = middle[sizes[0]] / sizes[0]
    return [(size, value, value / (size * alone) if alone else 0.0) for size, value in middle.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="the JSON that `make load PROFILE=replicas` wrote")
    parser.add_argument("--forecast", type=float, required=True, help="orders a minute")
    options = parser.parse_args()
    try:
        plan = make_plan(options.forecast, read_measurement(options.report), load_prices())
    except (ValueError, OSError, CostError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    section = describe_plan(plan)
    print("\n".join([section.title, *("  ".join(row) for row in section.rows), *section.text]))
    return 1 if plan.reason else 0


if __name__ == "__main__":
    sys.exit(main())
