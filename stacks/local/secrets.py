"""Secrets: every password and key of the stack, generated once and kept encrypted in its state."""

import pulumi

from stacks.local.providers.random_secret import RandomSecret


class Secrets(pulumi.ComponentResource):
    """Each value is a secret output; each reaches only the containers that use it, as a file."""

    database_migrator: pulumi.Output[str]
    database_store: pulumi.Output[str]
    cache_admin: pulumi.Output[str]
    cache_store: pulumi.Output[str]
    session_key: pulumi.Output[str]
    gateway_key: pulumi.Output[str]
    gateway_webhook_key: pulumi.Output[str]
    shopper_key: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storestack:local:Secrets", name, None, opts)

        def secret(of: str) -> pulumi.Output[str]:
            return RandomSecret(f"{name}-{of}", opts=pulumi.ResourceOptions(parent=self)).value

        self.database_migrator = secret("database-migrator")
        self.database_store = secret("database-store")
        self.cache_admin = secret("cache-admin")
        self.cache_store = secret("cache-store")
        self.session_key = secret("session-key")
        self.gateway_key = secret("gateway-key")
        self.gateway_webhook_key = secret("gateway-webhook-key")
        # Signs the header by which load and test runs, coming from one address, act for many shoppers.
        self.shopper_key = secret("shopper-key")
        self.register_outputs({})
