"""The settings of an AWS environment, read once into frozen types, and refused as a whole when one does not
fit.

`parse` is pure: it takes the stack's configuration and the time, and never calls AWS. Every complaint quotes
its key and value and says the mend; all of them are reported together.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from itertools import pairwise
from typing import Any, Final, Literal

from stacks.aws.profiles import KEYS, REQUIRED
from stacks.aws.values import ZONE_LETTERS, Job, Sale, Table, read
from stacks.settings import SettingsError

__all__ = ["AwsSettings", "SettingsError", "parse"]

# CPU units to the least and most MiB that Fargate sells with them.
FARGATE_MEMORY: Final[Mapping[int, tuple[int, int, int]]] = {
    256: (512, 2048, 512), 512: (1024, 4096, 1024), 1024: (2048, 8192, 1024), 2048: (4096, 16_384, 1024),
    4096: (8192, 30_720, 1024), 8192: (16_384, 61_440, 4096), 16_384: (32_768, 122_880, 8192),
}  # fmt: skip


@dataclass(frozen=True)
class Network:
    cidr: IPv4Network
    zones: tuple[str, ...]
    nat: Literal["one", "per_zone"]
    endpoints: tuple[str, ...]
    flow_log_days: int
    vpc_id: str | None
    app_subnet_ids: tuple[str, ...]
    data_subnet_ids: tuple[str, ...]


@dataclass(frozen=True)
class Firewall:
    rate_limit: int
    back_office_allow: tuple[str, ...]
    logs: bool
    log_days: int


@dataclass(frozen=True)
class Certificates:
    domain: str
    zone_id: str | None
    create_zone: bool
    edge_arn: str | None
    balancer_arn: str | None

    @property
    def back_office_domain(self) -> str:
        return f"back-office.{self.domain}"


@dataclass(frozen=True)
class Edge:
    price_class: str
    logs: bool


@dataclass(frozen=True)
class Balancer:
    idle_timeout: int
    drain: int
    slow_start: int
    logs: bool


@dataclass(frozen=True)
class Store:
    compute: Literal["containers", "lambda", "none"]
    image: str | None
    release_image: str | None
    bundled: bool
    architecture: Literal["x86_64", "arm64"]
    deployment: Literal["rolling", "blue_green", "canary", "linear"]
    bake_minutes: int
    web_cpu: str
    web_memory: int
    web_minimum: int
    web_maximum: int
    worker_cpu: str
    worker_memory: int
    worker_minimum: int
    worker_maximum: int
    spot_percent: int
    autoscaling: bool
    cpu_target: int
    requests_per_target: int
    stop_timeout: int
    log_days: int
    sales: tuple[Sale, ...]
    sale_lead: int
    jobs: tuple[Job, ...]
    gateway_url: str | None
    lambda_memory: int
    lambda_concurrency: int


@dataclass(frozen=True)
class Database:
    engine: Literal["postgres", "mysql"]
    version: str
    instance_class: str
    storage: int
    storage_most: int
    multi_az: bool
    replicas: int
    proxy: bool
    backup_days: int
    log_days: int
    slow_query: int
    snapshot_id: str | None


@dataclass(frozen=True)
class Cache:
    engine: Literal["redis", "valkey", "memcached"]
    node_type: str
    nodes: int
    eviction: str
    snapshot_days: int


@dataclass(frozen=True)
class Documents:
    enabled: bool
    instance_class: str
    instances: int
    backup_days: int


@dataclass(frozen=True)
class WideColumn:
    enabled: bool


@dataclass(frozen=True)
class KeyValue:
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class Storage:
    log_days: int
    old_version_days: int


@dataclass(frozen=True)
class Secrets:
    recovery_days: int
    own_keys: bool


@dataclass(frozen=True)
class Registry:
    keep: int


@dataclass(frozen=True)
class Monitoring:
    email: str
    runbooks: str
    trail: Literal["make", "adopt"]
    guardduty: Literal["make", "adopt"]


@dataclass(frozen=True)
class Backup:
    days: int
    restore_test: bool


@dataclass(frozen=True)
class Delivery:
    repository: str | None
    oidc_provider: Literal["make", "adopt"]


@dataclass(frozen=True)
class Budget:
    monthly: int


ROLES: Final[Mapping[str, type]] = {
    "network": Network,
    "firewall": Firewall,
    "certificates": Certificates,
    "edge": Edge,
    "balancer": Balancer,
    "store": Store,
    "database": Database,
    "cache": Cache,
    "documents": Documents,
    "wide_column": WideColumn,
    "key_value": KeyValue,
    "storage": Storage,
    "secrets": Secrets,
    "registry": Registry,
    "monitoring": Monitoring,
    "backup": Backup,
    "delivery": Delivery,
    "budget": Budget,
}


@dataclass(frozen=True)
class AwsSettings:
    """One environment; `now` is the moment of the update, which decides where a sale stands."""

    stack: str
    profile: Literal["staging", "production"]
    owner: str
    cost_centre: str
    protect: bool
    region: str
    now: datetime
    provider: Mapping[str, str]
    network: Network
    firewall: Firewall
    certificates: Certificates
    edge: Edge
    balancer: Balancer
    store: Store
    database: Database
    cache: Cache
    documents: Documents
    wide_column: WideColumn
    key_value: KeyValue
    storage: Storage
    secrets: Secrets
    registry: Registry
    monitoring: Monitoring
    backup: Backup
    delivery: Delivery
    budget: Budget

    @property
    def tags(self) -> dict[str, str]:
        """The one list of tags: what the provider puts on everything and what the tag policy asks for."""
        return {
            "project": "storestack",
            "environment": self.stack,
            "owner": self.owner,
            "cost_centre": self.cost_centre,
        }


def parse(stack: str, config: Mapping[str, str], now: datetime) -> AwsSettings:
    """Return the environment that `config` describes; raise SettingsError with every complaint at once.

    The profile is `storestack:profile`, or the stack's own name where that is a profile, or staging.
    """
    complaints: list[str] = []
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,14}", stack):
        complaints.append(
            f"stack {stack!r}: must be 1 to 15 small letters, digits and dashes (it is part of every name)"
        )
    config = dict(config)
    config.setdefault("storestack:region", config.get("aws:region", ""))
    if not config["storestack:region"]:
        del config["storestack:region"]
    profile = config.pop("storestack:profile", stack if stack in ("staging", "production") else "staging")
    if profile not in ("staging", "production"):
        complaints.append(f"storestack:profile is {profile!r}: must be staging or production")
        profile = "staging"

    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        default = key.production if profile == "production" else key.staging
        if name in config:
            try:
                values[name] = read(key, config[name])
            except ValueError as error:
                shown = "aws:region" if name == "storestack:region" else name
                complaints.append(f"{shown} is {config[name]!r}: {error}")
                values[name] = None
        elif default is REQUIRED:
            source = "aws:region" if name == "storestack:region" else name
            complaints.append(f"{source} is not set: {key.why}; run `pulumi config set {source} <value>`")
            values[name] = None
        else:
            values[name] = read(key, default) if key.kind == "cidr" else default
    complaints += _unknown(config)
    if not complaints:
        _complete(values)
        complaints += _contradictions(profile, values, now)
    if complaints:
        raise SettingsError(complaints)

    roles = {
        role: kind(
            **{name.split(":")[1]: value for name, value in values.items() if name.startswith(f"{role}:")}
        )
        for role, kind in ROLES.items()
    }
    return AwsSettings(
        stack=stack,
        profile=profile,  # type: ignore[arg-type]
        owner=values["storestack:owner"],
        cost_centre=values["storestack:cost_centre"],
        protect=values["storestack:protect"],
        region=values["storestack:region"],
        now=now,
        provider={name: value for name, value in config.items() if name.startswith("aws:")},
        **roles,
    )


def _unknown(config: Mapping[str, str]) -> list[str]:
    """Complain of keys in the kit's namespaces that no table knows, with the nearest that it does."""
    spaces = {*ROLES, "storestack"}
    complaints = []
    for name in config:
        if name.split(":")[0] in spaces and name not in KEYS and name != "storestack:target":
            near = difflib.get_close_matches(name, KEYS, 1)
            mend = f"did you mean {near[0]}?" if near else "remove it"
            complaints.append(f"{name} is no setting of the aws target: {mend}")
    return complaints


def _complete(values: dict[str, Any]) -> None:
    """Fill in the defaults that follow from other settings."""
    region = values["storestack:region"]
    if isinstance(values["network:zones"], int):
        letters = ZONE_LETTERS[region][: values["network:zones"]]
        values["network:zones"] = tuple(region + letter for letter in letters)
    values["database:version"] = (
        values["database:version"] or {"postgres": "17", "mysql": "8.4"}[values["database:engine"]]
    )
    values["store:release_image"] = values["store:release_image"] or values["store:image"]


def _contradictions(profile: str, values: Mapping[str, Any], now: datetime) -> list[str]:
    """Complain of settings that are fine alone and wrong together."""
    return [
        *_wrong_places(values),
        *_wrong_store(profile, values),
        *_wrong_sizes(profile, values),
        *_wrong_sales(values, now),
    ]


def _wrong_places(values: Mapping[str, Any]) -> list[str]:
    region, complaints = values["storestack:region"], []
    complaints += [
        f"network:zones names {zone!r}, which is not in aws:region {region}: "
        f"use {', '.join(region + letter for letter in ZONE_LETTERS[region])}"
        for zone in values["network:zones"]
        if zone[:-1] != region
    ]
    if values["network:vpc_id"] is None:
        complaints += [
            f"{name} is set without network:vpc_id: set both, or neither"
            for name in ("network:app_subnet_ids", "network:data_subnet_ids")
            if values[name]
        ]
    else:
        complaints += [
            f"network:vpc_id is {values['network:vpc_id']!r} with {len(values[name])} {name}: "
            "an existing VPC needs two or more of them, in different zones"
            for name in ("network:app_subnet_ids", "network:data_subnet_ids")
            if len(values[name]) < 2
        ]
    zone_id, create = values["certificates:zone_id"], values["certificates:create_zone"]
    if bool(zone_id) == create:
        complaints.append(
            f"certificates:zone_id is {zone_id!r} with certificates:create_zone {str(create).lower()}: "
            "the domain needs one hosted zone; give the id of the one there is, or set create_zone to true"
        )
    for name, wanted, what in (
        ("certificates:edge_arn", "us-east-1", "CloudFront reads certificates of us-east-1 only"),
        ("certificates:balancer_arn", region, "the balancer reads certificates of its own region only"),
    ):
        if values[name] and values[name].split(":")[3] != wanted:
            complaints.append(
                f"{name} is {values[name]!r}, of the wrong region: {what}; issue one in {wanted}"
            )
    return complaints


def _wrong_store(profile: str, values: Mapping[str, Any]) -> list[str]:
    complaints = []
    if values["store:compute"] != "none" and values["store:image"] is None:
        complaints.append(
            "store:image is not set: push an image to the registry and set it by digest, "
            "or set store:compute to none for the first `up`, which makes the registry"
        )
    for name in ("store:image", "store:release_image"):
        image = values[name]
        if name == "store:release_image" and image == values["store:image"]:
            continue
        if image and profile == "production" and "@sha256:" not in image:
            complaints.append(
                f"{name} is {image!r}, without a digest: production needs <repository>@sha256:<64 hex>"
            )
        if image and values["store:compute"] == "lambda" and ".dkr.ecr." not in image:
            complaints.append(
                f"{name} is {image!r}: Lambda runs images of ECR in its own region only; push it there"
            )
    if values["store:bundled"]:
        for name, fine in (("database:engine", ("postgres",)), ("cache:engine", ("redis", "valkey"))):
            if values[name] not in fine:
                complaints.append(
                    f"{name} is {values[name]!r}, which the bundled store cannot use: "
                    f"set {' or '.join(fine)}, or set store:bundled to false with an image of your own"
                )
    if values["store:compute"] == "lambda":
        complaints += [
            f"{name} is set, which store:compute lambda cannot do: {mend}"
            for name, mend in (
                ("store:jobs", "remove it, or use containers"),
                ("store:sales", "remove it; Lambda scales by itself up to store:lambda_concurrency"),
            )
            if values[name]
        ]
        if values["store:deployment"] != "rolling":
            complaints.append(
                f"store:deployment is {values['store:deployment']!r}: with lambda it must be rolling"
            )
    return complaints


def _wrong_sizes(profile: str, values: Mapping[str, Any]) -> list[str]:
    complaints = []
    for role in ("web", "worker"):
        cpu, memory = values[f"store:{role}_cpu"], values[f"store:{role}_memory"]
        least, most, step = FARGATE_MEMORY[int(cpu)]
        if not (least <= memory <= most and (memory % step == 0)):
            complaints.append(
                f"store:{role}_memory is {memory}: with store:{role}_cpu {cpu} Fargate sells {least} to "
                f"{most} MiB in steps of {step}"
            )
        low, high = values[f"store:{role}_minimum"], values[f"store:{role}_maximum"]
        if low > high:
            complaints.append(
                f"store:{role}_minimum is {low}, above store:{role}_maximum {high}: raise the maximum"
            )
        if profile == "production" and low < 2:
            complaints.append(f"store:{role}_minimum is {low}: production needs 2, so that one may die")
    if values["database:storage_most"] < values["database:storage"] * 1.1:
        complaints.append(
            f"database:storage_most is {values['database:storage_most']}: must be at least a tenth above "
            f"database:storage {values['database:storage']}"
        )
    if values["balancer:drain"] > values["store:stop_timeout"] - 5:
        complaints.append(
            f"balancer:drain is {values['balancer:drain']}: must be 5 s or more below store:stop_timeout "
            f"{values['store:stop_timeout']}, or tasks are killed while they still get requests"
        )
    if values["cache:engine"] != "memcached" and values["cache:nodes"] == 1 and profile == "production":
        complaints.append("cache:nodes is 1: production needs 2, so that one may die")
    if ".t" in values["cache:node_type"] and profile == "production":
        complaints.append(
            f"cache:node_type is {values['cache:node_type']!r}: burstable nodes run out of credit in a sale; "
            "use cache.m7g.large or larger"
        )
    return complaints


def _wrong_sales(values: Mapping[str, Any], now: datetime) -> list[str]:
    sales: tuple[Sale, ...] = values["store:sales"]
    lead = timedelta(minutes=values["store:sale_lead"])
    complaints = [
        f"store:sales has {sale.name!r}, which ended at {sale.ends.isoformat()}: remove it" for sale in sales
        if sale.ends <= now
    ]  # fmt: skip
    complaints += [
        f"store:sales has {later.name!r} begin ({later.starts.isoformat()}, "
        f"{values['store:sale_lead']} minutes of lead) before {former.name!r} ends "
        f"({former.ends.isoformat()}): make them one sale, or move one"
        for former, later in pairwise(sales)
        if later.starts - lead < former.ends
    ]
    for sale in sales:
        for least, name in ((sale.minimum_web, "web"), (sale.minimum_workers, "worker")):
            most = values[f"store:{name}_maximum"]
            if least > most:
                complaints.append(
                    f"store:sales has {sale.name!r} with {least} {name} tasks, "
                    f"above store:{name}_maximum {most}: raise the maximum"
                )
    if sales and not values["store:autoscaling"]:
        complaints.append("store:sales needs store:autoscaling true: without it nothing scales")
    return complaints
