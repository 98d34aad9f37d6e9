"""RandomSecret: a value made once and kept, encrypted, in the stack's state."""

import secrets
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, Resource, UpdateResult

from stacks.local.providers.base import Provider, given

# 256 bits: no one guesses it, and it still fits every password field.
ENTROPY_BYTES = 32


class RandomSecretProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        value = secrets.token_urlsafe(ENTROPY_BYTES)
        return CreateResult(secrets.token_hex(8), {**given(props), "value": value})

    def update(self, _id: str, olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(given(olds))


class RandomSecret(Resource, module="storestack", name="RandomSecret"):
    """`value` is 43 letters, digits, `-` and `_`, and secret."""

    value: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(
            RandomSecretProvider(), name, {"value": None}, pulumi.ResourceOptions.merge(opts, secret)
        )
