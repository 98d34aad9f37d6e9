"""Readers of single values: text in, a typed value out, or a ValueError that says what would do.

Nothing here knows which key it reads; `settings.py` adds the key and the offending value to the message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, ip_network
from typing import Any, Final

from stacks.aws.profiles import Key

# Regions of the standard partition and the letters of their zones, as AWS publishes them; an account may see
# fewer, so the preflight asks the account as well.
ZONE_LETTERS: Final[Mapping[str, str]] = {
    "us-east-1": "abcdef", "us-east-2": "abc", "us-west-1": "abc", "us-west-2": "abcd",
    "ca-central-1": "abd", "ca-west-1": "abc", "sa-east-1": "abc", "mx-central-1": "abc",
    "eu-central-1": "abc", "eu-central-2": "abc", "eu-west-1": "abc", "eu-west-2": "abc", "eu-west-3": "abc",
    "eu-north-1": "abc", "eu-south-1": "abc", "eu-south-2": "abc",
    "ap-south-1": "abc", "ap-south-2": "abc", "ap-northeast-1": "acd", "ap-northeast-2": "abcd",
    "ap-northeast-3": "abc", "ap-southeast-1": "abc", "ap-southeast-2": "abc", "ap-southeast-3": "abc",
    "ap-southeast-4": "abc", "ap-southeast-5": "abc", "ap-southeast-7": "abc", "ap-east-1": "abc",
    "af-south-1": "abc", "me-south-1": "abc", "me-central-1": "abc", "il-central-1": "abc",
}  # fmt: skip

# What CloudWatch Logs accepts as a retention.
RETENTION_DAYS: Final = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip

ENDPOINT_SERVICES: Final = (
    "ecr.api", "ecr.dkr", "ecs", "kms", "lambda", "logs", "monitoring", "secretsmanager", "sns", "sqs", "ssm",
    "ssmmessages", "sts",
)  # fmt: skip


@dataclass(frozen=True)
class Sale:
    """A window, in UTC, in which at least so many tasks run."""

    name: str
    starts: datetime
    ends: datetime
    minimum_web: int
    minimum_workers: int


@dataclass(frozen=True)
class Job:
    """A command of the store's image that EventBridge starts on a schedule (`rate(…)` or `cron(…)`, UTC)."""

    name: str
    command: tuple[str, ...]
    schedule: str


@dataclass(frozen=True)
class Table:
    """A DynamoDB table: its partition key, an optional sort key, and an optional expiry attribute."""

    name: str
    partition_key: str
    sort_key: str | None
    expires: str | None


def read(key: Key, text: str) -> Any:
    """Return the value of `text` as `key` wants it; raise ValueError with what would do."""
    return READERS[key.kind](key, text.strip())


def _text(_: Key, text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _version(_: Key, text: str) -> str:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,2}", text, re.ASCII):
        raise ValueError("must be a version such as 17 or 17.6")
    return text


def _instance(_: Key, text: str) -> str:
    if not re.fullmatch(r"db\.[a-z][a-z0-9-]*\.[a-z0-9]+", text):
        raise ValueError("must be an instance class such as db.m7g.large")
    return text


def _node(_: Key, text: str) -> str:
    if not re.fullmatch(r"cache\.[a-z][a-z0-9-]*\.[a-z0-9]+", text):
        raise ValueError("must be a node type such as cache.m7g.large")
    return text


def _flag(_: Key, text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _number(key: Key, text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise ValueError(f"must be a whole number of {key.unit}")
    value = int(text)
    if not (key.least or 0) <= value <= (key.most or value):
        raise ValueError(f"must be from {key.least or 0:.0f} to {key.most:.0f} {key.unit}")
    return value


def _days(_: Key, text: str) -> int:
    if not text.isdecimal() or int(text) not in RETENTION_DAYS:
        raise ValueError(
            f"must be a retention that CloudWatch knows, in days: {', '.join(map(str, RETENTION_DAYS))}"
        )
    return int(text)


def _choice(key: Key, text: str) -> str:
    if text not in key.choices:
        raise ValueError(f"must be one of {', '.join(key.choices)}")
    return text


def _region(_: Key, text: str) -> str:
    if text not in ZONE_LETTERS:
        raise ValueError(f"must be an AWS region: {', '.join(sorted(ZONE_LETTERS))}")
    return text


def _cidr(_: Key, text: str) -> IPv4Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError("must be an IPv4 network such as 10.20.0.0/16") from error
    if not isinstance(network, IPv4Network) or not network.is_private or not 16 <= network.prefixlen <= 20:
        raise ValueError("must be a private IPv4 network from /16 to /20, such as 10.20.0.0/16")
    return network


def _cidrs(_: Key, text: str) -> tuple[str, ...]:
    out = []
    for part in _parts(text):
        try:
            network = ip_network(part)
        except ValueError as error:
            raise ValueError(
                f"holds {part!r}: must be addresses such as 203.0.113.7/32, with commas"
            ) from error
        if network.prefixlen == 0:
            raise ValueError(f"holds {part!r}, which is everybody: name the office's and the VPN's addresses")
        out.append(str(network))
    return tuple(out)


def _zones(_: Key, text: str) -> int | tuple[str, ...]:
    """A number of zones, or their names."""
    if text.isdecimal():
        if int(text) not in (2, 3):
            raise ValueError("must be 2 or 3 zones, or their names with commas")
        return int(text)
    names = _parts(text)
    if len(set(names)) != len(names) or len(names) not in (2, 3):
        raise ValueError("must name 2 or 3 different zones with commas")
    for name in names:
        if name[:-1] not in ZONE_LETTERS or name[-1] not in ZONE_LETTERS[name[:-1]]:
            known = ", ".join(name[:-1] + letter for letter in ZONE_LETTERS.get(name[:-1], ""))
            raise ValueError(
                f"names the unknown zone {name!r}: " + (f"use {known}" if known else "write eu-central-1a")
            )
    return names


def _services(_: Key, text: str) -> tuple[str, ...]:
    for part in _parts(text):
        if part not in ENDPOINT_SERVICES:
            raise ValueError(f"holds {part!r}: must be of {', '.join(ENDPOINT_SERVICES)}")
    return _parts(text)


def _identifier(_: Key, text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:/._-]{2,255}", text):
        raise ValueError("must be an AWS id or ARN, without spaces")
    return text


def _identifiers(key: Key, text: str) -> tuple[str, ...]:
    return tuple(_identifier(key, part) for part in _parts(text))


def _domain(_: Key, text: str) -> str:
    if len(text) > 240 or not re.fullmatch(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", text):
        raise ValueError("must be a host name in small letters, such as shop.example.com")
    return text


def _certificate(_: Key, text: str) -> str:
    if not re.fullmatch(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[A-Za-z0-9-]+", text):
        raise ValueError(
            "must be the ARN of an ACM certificate: arn:aws:acm:<region>:<account>:certificate/<id>"
        )
    return text


def _image(_: Key, text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][A-Za-z0-9._:/-]*[A-Za-z0-9](@sha256:[0-9a-f]{64})?", text):
        raise ValueError(
            "must be an image such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/store@sha256:<64 hex>"
        )
    return text


def _url(_: Key, text: str) -> str:
    if not re.fullmatch(r"https://[^\s]+", text):
        raise ValueError("must be an address that begins with https://")
    return text


def _secret(_: Key, text: str) -> str:
    if not text or re.search(r"\s", text):
        raise ValueError("must be one word, as its issuer gave it (it is not shown here)")
    return text


def _smtp(_: Key, text: str) -> str:
    if not re.fullmatch(r"smtps?://([^\s@:/]+@)?[^\s@:/]+(:\d{1,5})?", text):
        raise ValueError("must be smtp://user@host:587 or smtps://…, without the password")
    return text


def _sender(_: Key, text: str) -> str:
    if not re.fullmatch(r"[^<>@\r\n]*<[^\s@<>]+@[^\s@<>]+>", text):
        raise ValueError("must be a sender such as Store <store@example.com>")
    return text


def _email(_: Key, text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError("must be a mail address such as on-call@example.com")
    return text


def _repository(_: Key, text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", text):
        raise ValueError("must be owner/name, without wildcards")
    return text


def _sales(_: Key, text: str) -> tuple[Sale, ...]:
    form = "name, starts and ends (with a UTC offset), minimum_web, minimum_workers"
    sales = []
    for row in _rows(text, {"name", "starts", "ends", "minimum_web", "minimum_workers"}, form):
        name = str(row["name"])
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
            raise ValueError(f"names a sale {name!r}: must be small letters, digits and dashes")
        starts, ends = (_moment(name, row[side]) for side in ("starts", "ends"))
        if ends <= starts:
            raise ValueError(f"has {name!r} end ({row['ends']}) before it starts ({row['starts']})")
        least = [row["minimum_web"], row["minimum_workers"]]
        if any(type(number) is not int or number < 1 for number in least):
            raise ValueError(f"has {name!r} with minimums {least}: must be whole numbers of tasks from 1")
        sales.append(Sale(name, starts, ends, *least))
    sales.sort(key=lambda sale: sale.starts)
    if len({sale.name for sale in sales}) != len(sales):
        raise ValueError("names a sale twice: each needs a name of its own")
    return tuple(sales)


def _moment(name: str, value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"has {name!r} at {value!r}: write 2026-11-27T00:00:00+01:00") from error
    if moment.tzinfo is None:
        raise ValueError(f"has {name!r} at {value!r} without an offset: write 2026-11-27T00:00:00+01:00")
    return moment.astimezone(UTC)


def _jobs(_: Key, text: str) -> tuple[Job, ...]:
    jobs = []
    for row in _rows(text, {"name", "command", "schedule"}, "name, command (a list) and schedule"):
        name, command, schedule = str(row["name"]), row["command"], str(row["schedule"])
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", name):
            raise ValueError(f"names a job {name!r}: must be small letters, digits and dashes")
        if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
            raise ValueError(f"has {name!r} with command {command!r}: must be a list of words")
        if not re.fullmatch(r"(rate|cron)\([^()]+\)", schedule):
            raise ValueError(
                f"has {name!r} on schedule {schedule!r}: must be rate(1 hour) or cron(0 3 * * ? *)"
            )
        jobs.append(Job(name, tuple(command), schedule))
    return tuple(jobs)


def _tables(_: Key, text: str) -> tuple[Table, ...]:
    tables = []
    form = "name, partition_key, and if wanted sort_key and expires"
    for row in _rows(text, {"name", "partition_key"}, form, frozenset({"sort_key", "expires"})):
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,60}", str(row["name"])):
            raise ValueError(f"names a table {row['name']!r}: must be small letters, digits and dashes")
        tables.append(Table(row["name"], row["partition_key"], row.get("sort_key"), row.get("expires")))
    return tuple(tables)


def _rows(text: str, needed: set[str], form: str, optional: Set[str] = frozenset()) -> list[dict[str, Any]]:
    """Return the JSON list of objects in `text`, each with the needed keys and no unknown one."""
    try:
        rows = json.loads(text or "[]")
    except ValueError as error:
        raise ValueError(f"must be a list of entries with {form}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"must be a list of entries with {form}")
    for row in rows:
        if not needed <= set(row) <= needed | optional:
            raise ValueError(f"has an entry with {', '.join(map(str, sorted(row)))}: must have {form}")
    return rows


def _parts(text: str) -> tuple[str, ...]:
    """Split at commas; a JSON list, which is what Pulumi makes of a YAML list, does as well."""
    if text.startswith("["):
        try:
            return tuple(str(part) for part in json.loads(text))
        except ValueError as error:
            raise ValueError("must be a list: a, b, c or a YAML list") from error
    return tuple(part.strip() for part in text.split(",") if part.strip())


READERS: Final[Mapping[str, Callable[[Key, str], Any]]] = {
    "text": _text,
    "version": _version,
    "instance": _instance,
    "node": _node,
    "flag": _flag,
    "number": _number,
    "days": _days,
    "choice": _choice,
    "region": _region,
    "cidr": _cidr,
    "cidrs": _cidrs,
    "zones": _zones,
    "services": _services,
    "id": _identifier,
    "ids": _identifiers,
    "domain": _domain,
    "certificate": _certificate,
    "image": _image,
    "url": _url,
    "secret": _secret,
    "smtp": _smtp,
    "sender": _sender,
    "email": _email,
    "repository": _repository,
    "sales": _sales,
    "jobs": _jobs,
    "tables": _tables,
}
