"""Firewall: what the edge lets through. That tiers cannot reach each other is the networks' doing.

Rules and limits are the edge's own configuration: this role decides them and has no container.
"""

import pulumi

from stacks.local.configuration.modsecurity import Firewall as Rules
from stacks.local.configuration.modsecurity import Mode
from stacks.local.configuration.nginx import RateLimits
from stacks.settings import Settings


class Firewall(pulumi.ComponentResource):
    """The rule set and the rate limits that the edge enforces."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storestack:local:Firewall", name, None, opts)
        edge = settings.edge
        self.rules = Rules(mode=Mode(settings.firewall.mode.value), paranoia=settings.firewall.paranoia)
        self.limits = RateLimits(
            pages_per_second=edge.pages_per_second,
            api_per_second=edge.api_per_second,
            sensitive_per_minute=edge.sensitive_per_minute,
            back_office_per_second=edge.back_office_per_second,
            connections=edge.connections,
        )
        self.register_outputs({"mode": settings.firewall.mode.value, "paranoia": settings.firewall.paranoia})
