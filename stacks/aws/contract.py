"""The container contract on AWS, as data: what the store finds in its environment, and its container
definition.

Everything in a container definition is known before the first resource is made: secrets are named by ARN, and
addresses that AWS chooses arrive from SSM parameters whose names the kit chooses. So a preview shows the
whole definition, and policies can judge it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stacks.aws import access
from stacks.aws.context import Context
from stacks.aws.firewall import APP_PORT
from stacks.aws.secrets import GIVEN, Secrets
from stacks.aws.settings import AwsSettings

# The store's image runs as this user; a foreign image must run as any user.
USER = "10001:10001"

# Which credentials each part may read. The store's environment has `<NAME>_SECRET_ARN` for each.
CREDENTIAL_VARIABLES = {
    "database-store": "DATABASE_PASSWORD",
    "database-migrator": "DATABASE_MIGRATOR_PASSWORD",
    "cache": "CACHE_PASSWORD",
    "session-key": "SESSION_KEY",
    "gateway-key": "GATEWAY_KEY",
    "gateway-webhook-key": "GATEWAY_WEBHOOK_KEY",
    **{credential: credential.upper().replace("-", "_") for credential in GIVEN},
}
RUNNING = ("database-store", "cache", "session-key", "gateway-key", "gateway-webhook-key")
RELEASING = ("database-store", "database-migrator", "cache")
COMMANDS = {part: ["python", "-m", "app", part] for part in ("web", "worker", "release")}


@dataclass(frozen=True)
class Part:
    """One kind of container of the store: `web`, `worker`, `release` or a job."""

    name: str
    image: str
    command: Sequence[str] | None
    cpu: str
    memory: int


def digest_of(image: str) -> str:
    """Return what pins the image: its digest, or its tag where there is no digest."""
    return image.rsplit("@", 1)[1] if "@" in image else image.rsplit(":", 1)[-1]


def credentials_of(part: str, settings: AwsSettings) -> list[str]:
    """Return the credentials that a part is handed and may read."""
    if part == "release":
        return [item for item in RELEASING if item != "cache" or settings.cache.engine != "memcached"]
    running = [item for item in RUNNING if item != "cache" or settings.cache.engine != "memcached"]
    return running + [item for item in GIVEN if getattr(settings.store, item.replace("-", "_"))]


def environment(
    settings: AwsSettings, image: str, part: str, references: Mapping[str, str]
) -> dict[str, str]:
    """Return the plain variables; `references` maps credentials to ARNs. No value in it is secret."""
    domain = settings.certificates.domain
    values = {
        "PORT": str(APP_PORT),
        "PUBLIC_URL": f"https://{domain}",
        "BACK_OFFICE_URL": f"https://{settings.certificates.back_office_domain}",
        "MEDIA_URL": f"https://{domain}/media",
        "STORE_VERSION": digest_of(image).removeprefix("sha256:")[:12],
        "IMAGE_DIGEST": digest_of(image),
        "DRAIN_SECONDS": str(settings.balancer.drain),
        "AWS_REGION": settings.region,
        # RDS signs with its own authority, which no system trusts: the store reads it here.
        "DATABASE_CA_URL": f"https://truststore.pki.rds.amazonaws.com/{settings.region}/{settings.region}-bundle.pem",
    }
    store = settings.store
    if store.bundled:
        values |= {
            "PAYMENT_GATEWAY": store.payment_gateway,
            "PAYMENT_CAPTURE": store.payment_capture,
            "CARRIER": store.carrier,
            "MAIL_FROM": store.mail_from or f"Store <store@{domain}>",
        }
    if store.smtp_url:
        values["SMTP_URL"] = store.smtp_url
    if store.gateway_url:
        values["GATEWAY_URL"] = store.gateway_url
    wanted = credentials_of(part, settings)
    return values | {f"{CREDENTIAL_VARIABLES[item]}_SECRET_ARN": references[item] for item in wanted}


def statements(
    part: str,
    settings: AwsSettings,
    secrets: Secrets,
    media_bucket: str,
    more: Sequence[access.Statement],
) -> list[access.Statement]:
    """Return what the part's role may do: read its own secrets, use the media, and `more`."""
    bucket = f"arn:aws:s3:::{media_bucket}"
    writes = [] if part == "web" else ["s3:PutObject", "s3:DeleteObject"]
    return [
        access.allow(["secretsmanager:GetSecretValue"], secrets.readable(*credentials_of(part, settings))),
        access.allow(["s3:GetObject", *writes], [f"{bucket}/media/*"]),
        access.allow(["s3:ListBucket"], [bucket]),
        access.allow(["kms:Decrypt", "kms:GenerateDataKey"], [secrets.key_arn]),
        *more,
    ]


def container(
    part: Part,
    context: Context,
    plain: Mapping[str, str],
    parameters: Mapping[str, str],
    stop_timeout: int,
) -> dict[str, Any]:
    """Return the container definition: not root, read-only root, no capability, logs to CloudWatch.

    `parameters` maps variables to SSM parameter names; ECS reads them when the task starts.
    """
    definition: dict[str, Any] = {
        "name": part.name,
        "image": part.image,
        "essential": True,
        "user": USER,
        "privileged": False,
        "readonlyRootFilesystem": True,
        "stopTimeout": stop_timeout,
        "linuxParameters": {"initProcessEnabled": True, "capabilities": {"drop": ["ALL"]}},
        # Fargate has no tmpfs: /tmp is a volume of the task, gone with it.
        "mountPoints": [{"sourceVolume": "tmp", "containerPath": "/tmp", "readOnly": False}],  # noqa: S108
        "environment": [{"name": name, "value": plain[name]} for name in sorted(plain)],
        "secrets": [
            {"name": name, "valueFrom": context.arn("ssm", f"parameter{parameters[name]}")}
            for name in sorted(parameters)
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": f"/{context.prefix}/store",
                "awslogs-region": context.region,
                "awslogs-stream-prefix": part.name,
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        },
    }
    if part.command is not None:
        definition["command"] = list(part.command)
    if part.name == "web":
        definition["portMappings"] = [{"containerPort": APP_PORT, "protocol": "tcp", "appProtocol": "http"}]
    return definition
