"""Secrets: the keys that encrypt, and every password that the store needs, made by AWS and read by reference.

Creates a KMS key for the stack's data and logs, a second one in us-east-1 for what CloudFront's side logs and
alarms with, and one Secrets Manager secret per credential. Values come from Secrets Manager's own generator;
they are kept encrypted in the stack's state and never printed.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import EDGE_REGION, Context

# The credentials of the container contract, what each is for, and the user of the database ones.
CREDENTIALS = {
    "database-store": "the store's database role",
    "database-migrator": "the role that changes the schema",
    "cache": "the cache's password",
    "session-key": "signs the shoppers' sessions",
    "gateway-key": "the payment gateway's API key",
    "gateway-webhook-key": "proves that a webhook is the gateway's",
    "shopper-key": "signs the load tests' requests",
}
# What somebody else issued: by setting, in the configuration's own encryption; none until it is given.
GIVEN = {
    "stripe-key": "Stripe's API key",
    "stripe-webhook-key": "proves that a webhook is Stripe's",
    "carrier-key": "the carrier's API key",
    "carrier-webhook-key": "proves that a webhook is the carrier's",
    "smtp-password": "the mail relay's password",
}
DATABASE_USERS = {"database-store": "store", "database-migrator": "migrator"}


class Secrets(pulumi.ComponentResource):
    """Outputs: `key_arn`, `edge_key_arn`, and by credential the secret's ARN and its (secret) value."""

    def __init__(
        self,
        name: str,
        args: settings.Secrets,
        context: Context,
        given: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`given` has the values of the credentials in GIVEN that the settings name."""
        super().__init__("storestack:aws:Secrets", name, None, opts)
        self._name, self._context, self._args = name, context, args
        self._child = pulumi.ResourceOptions(parent=self)
        self.key = self._make_key("data", context.region)
        self.edge_key = self._make_key("edge", EDGE_REGION)
        self.key_arn, self.edge_key_arn = self.key.arn, self.edge_key.arn
        self.arns: dict[str, pulumi.Output[str]] = {}
        self.values: dict[str, pulumi.Output[str]] = {}
        for credential, purpose in CREDENTIALS.items():
            self._make_value(credential, self._make_secret(credential, purpose))
        for credential, value in given.items():
            secret = self._make_secret(credential, GIVEN[credential])
            # The setting owns it: a new value there is a new version here.
            aws.secretsmanager.SecretVersion(
                f"{name}-{credential}-value",
                secret_id=secret.id,
                secret_string=pulumi.Output.secret(value),
                opts=self._child,
            )
        self.register_outputs({"key_arn": self.key_arn})

    def reference(self, credential: str) -> str:
        """Return the ARN without AWS's random end: it reads the same secret and is known before the secret is
        made.
        """
        return self._context.arn("secretsmanager", f"secret:{self._context.prefix}/{credential}")

    def readable(self, *credentials: str) -> list[str]:
        """Return the ARNs, for a policy, of the named secrets; `??????` is the end that AWS adds."""
        return [f"{self.reference(credential)}-??????" for credential in credentials]

    def _make_key(self, part: str, region: str) -> aws.kms.Key:
        context = self._context
        use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
        account = {"StringEquals": {"aws:SourceAccount": context.account}}
        statements = [
            {
                "Sid": "TheAccountsOwnPoliciesDecide",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{context.account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            access.grant(
                f"logs.{region}.amazonaws.com",
                use,
                "*",
                {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": context.arn("logs", "*", region)}},
            ),
            *(
                access.grant(f"{service}.amazonaws.com", use, "*", account)
                for service in ("cloudwatch", "budgets", "events", "backup")
            ),
            access.grant(
                "cloudtrail.amazonaws.com",
                use,
                "*",
                {"ArnLike": {"aws:SourceArn": context.arn("cloudtrail", "trail/*")}},
            ),
            access.grant(
                "cloudfront.amazonaws.com",
                ["kms:Decrypt"],
                "*",
                {"ArnLike": {"aws:SourceArn": context.arn("cloudfront", "distribution/*", "")}},
            ),
        ]
        key = aws.kms.Key(
            f"{self._name}-{part}-key",
            region=region,
            description=f"{context.prefix}: {part}",
            enable_key_rotation=True,
            deletion_window_in_days=self._args.recovery_days,
            policy=access.document(statements),
            opts=context.stateful(self),
        )
        aws.kms.Alias(
            f"{self._name}-{part}-alias",
            region=region,
            name=f"alias/{context.name(part)}",
            target_key_id=key.key_id,
            opts=self._child,
        )
        return key

    def _make_secret(self, credential: str, purpose: str) -> aws.secretsmanager.Secret:
        secret = aws.secretsmanager.Secret(
            f"{self._name}-{credential}",
            name=f"{self._context.prefix}/{credential}",
            description=purpose,
            kms_key_id=self.key.arn,
            recovery_window_in_days=self._args.recovery_days,
            opts=self._context.stateful(self),
        )
        self.arns[credential] = secret.arn
        return secret

    def _make_value(self, credential: str, secret: aws.secretsmanager.Secret) -> None:
        """Make the first value.

        The generator answers anew on every run, so the value's changes are ignored: the first one stays until
        somebody rotates it, and an `up` does not undo the rotation.
        """
        made = aws.secretsmanager.get_random_password_output(
            password_length=48, exclude_punctuation=True, opts=pulumi.InvokeOutputOptions(parent=self)
        ).random_password
        user = DATABASE_USERS.get(credential)
        value = made if user is None else pulumi.Output.json_dumps({"username": user, "password": made})
        version = aws.secretsmanager.SecretVersion(
            f"{self._name}-{credential}-value",
            secret_id=secret.id,
            secret_string=pulumi.Output.secret(value),
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["secretString"]),
        )
        self.values[credential] = pulumi.Output.secret(version.secret_string.apply(lambda text: text or ""))
