"""The AWS target: the same roles as on one machine, as managed services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stacks.aws.settings import AwsSettings


def deploy(settings: AwsSettings) -> Mapping[str, Any]:
    """Make the environment and return its outputs.

    Imported here, not above: a local user has no pulumi-aws, and must never be asked for its plugin.
    """
    from stacks.aws.environment import deploy as make

    return make(settings)
