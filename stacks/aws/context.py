"""What every role of an environment shares: its names, its place, its provider, and what is protected."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from stacks.aws.settings import AwsSettings

# CloudFront, its web ACLs, certificates, logs and metrics live here, wherever the rest of the stack is.
EDGE_REGION = "us-east-1"


@dataclass(frozen=True)
class Context:
    """Names and places of one environment. `account` is known before the first resource is made."""

    stack: str
    region: str
    account: str
    production: bool
    protect: bool

    @property
    def prefix(self) -> str:
        return f"storestack-{self.stack}"

    def name(self, part: str, most: int = 63) -> str:
        """Return `storestack-<stack>-<part>`; beyond `most` characters its end becomes a hash that keeps it
        unique.
        """
        full = f"{self.prefix}-{part}"
        if len(full) <= most:
            return full
        return f"{full[: most - 7]}-{hashlib.sha256(full.encode()).hexdigest()[:6]}"

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        """Return an ARN that is known before the resource is: policies and container definitions stay
        readable.
        """
        return f"arn:aws:{service}:{self.region if region is None else region}:{self.account}:{resource}"

    def stateful(self, parent: pulumi.Resource, **more: Any) -> pulumi.ResourceOptions:
        """Return the options of a resource that holds data: kept by `protect` where the environment asks for
        it.
        """
        return pulumi.ResourceOptions(parent=parent, protect=self.protect, **more)


def make_provider(settings: AwsSettings) -> aws.Provider:
    """Return the provider of the whole stack: the configuration's `aws:` keys, and the tags of everything.

    It is explicit so that the tags are one list in the settings. An explicit provider does not read the
    stack's configuration by itself, so every `aws:` key it knows is handed on.
    """
    known = inspect.signature(aws.Provider._internal_init).parameters
    given = {_snake(name.removeprefix("aws:")): _plain(value) for name, value in settings.provider.items()}
    given = {
        name: value
        for name, value in given.items()
        if name in known and name not in ("region", "default_tags")
    }
    return aws.Provider(
        "aws", region=settings.region, default_tags=aws.ProviderDefaultTagsArgs(tags=settings.tags), **given
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _plain(value: str) -> Any:
    """Return the JSON value that Pulumi's configuration holds as text, or the text."""
    try:
        return (
            json.loads(value) if value[:1] in "[{" or value in ("true", "false") or value.isdigit() else value
        )
    except ValueError:
        return value
