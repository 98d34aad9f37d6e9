"""Key-value: DynamoDB tables, paid by request, encrypted with the stack's key, recoverable to any second.

The store reads its tables' common prefix from `KEY_VALUE_PREFIX` and signs with its task role.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context


class KeyValue(pulumi.ComponentResource):
    """Outputs: `prefix`, `arns` by table, and `statements` for the store's roles."""

    def __init__(
        self,
        name: str,
        args: settings.KeyValue,
        context: Context,
        *,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:KeyValue", name, None, opts)
        self.prefix = f"{context.prefix}-"
        self.arns: dict[str, pulumi.Output[str]] = {}
        for table in args.tables:
            keys = [table.partition_key, *([table.sort_key] if table.sort_key else [])]
            made = aws.dynamodb.Table(
                f"{name}-{table.name}",
                name=context.name(table.name, 255),
                billing_mode="PAY_PER_REQUEST",
                hash_key=table.partition_key,
                range_key=table.sort_key,
                attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in keys],
                ttl=aws.dynamodb.TableTtlArgs(attribute_name=table.expires, enabled=True)
                if table.expires
                else None,
                server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(
                    enabled=True, kms_key_arn=key_arn
                ),
                point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
                deletion_protection_enabled=context.protect,
                opts=context.stateful(self),
            )
            self.arns[table.name] = made.arn
        tables = context.arn("dynamodb", f"table/{self.prefix}*")
        verbs = (
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
        )
        self.statements = [
            access.allow([f"dynamodb:{verb}" for verb in verbs], [tables, f"{tables}/index/*"])
        ]
        self.register_outputs({"prefix": self.prefix})
