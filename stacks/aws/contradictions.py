"""Settings that are fine alone and wrong together: places, the store's image and engines, sizes, sales.

Pure; each complaint quotes its key and value and says the mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from stacks.aws.values import ZONE_LETTERS, Sale

# CPU units to the least and most MiB that Fargate sells with them.
FARGATE_MEMORY: Final[Mapping[int, tuple[int, int, int]]] = {
    256: (512, 2048, 512), 512: (1024, 4096, 1024), 1024: (2048, 8192, 1024), 2048: (4096, 16_384, 1024),
    4096: (8192, 30_720, 1024), 8192: (16_384, 61_440, 4096), 16_384: (32_768, 122_880, 8192),
}  # fmt: skip


def find_contradictions(profile: str, values: Mapping[str, Any], now: datetime) -> list[str]:
    """Complain of settings that are fine alone and wrong together."""
    return [
        *_wrong_places(values),
        *_wrong_store(profile, values),
        *_cannot_sell(profile, values),
        *_wrong_sizes(profile, values),
        *_wrong_sales(values, now),
        *_wrong_loadgen(values),
    ]


def _wrong_loadgen(values: Mapping[str, Any]) -> list[str]:
    image = values["loadgen:image"]
    if image and "@sha256:" not in image:
        return [f"loadgen:image is {image!r}: must be pinned by digest, as image@sha256:<64 hex>"]
    return []


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
    for name, choice, keys in (
        ("store:payment_gateway", "stripe", ("store:stripe_key", "store:stripe_webhook_key")),
        ("store:carrier", "easypost", ("store:carrier_key", "store:carrier_webhook_key")),
    ):
        missing = [key for key in keys if values[key] is None]
        if values[name] == choice and missing:
            complaints.append(
                f"{name} is {choice!r} and needs {missing[0]}: "
                f"`pulumi config set --secret {missing[0]} <key>`"
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


def _cannot_sell(profile: str, values: Mapping[str, Any]) -> list[str]:
    """Complain of a bundled store that could take no money, or tell nobody of an order."""
    if not values["store:bundled"] or values["store:compute"] == "none":
        return []
    complaints = []
    if values["store:payment_gateway"] == "test" and profile == "production":
        complaints.append(
            "store:payment_gateway is 'test', which moves no money: production needs stripe, "
            "with store:stripe_key and store:stripe_webhook_key"
        )
    elif values["store:payment_gateway"] == "test" and values["store:gateway_url"] is None:
        complaints.append(
            "store:gateway_url is not set, with store:payment_gateway 'test': nobody would answer payments; "
            "set it to where the kit's gateway runs, or use stripe with a key of its test mode"
        )
    if values["store:smtp_url"] is None:
        complaints.append(
            "store:smtp_url is not set: no confirmation of an order would be sent; set the relay's address, "
            "as smtps://<user>@email-smtp.<region>.amazonaws.com:465, and store:smtp_password"
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
