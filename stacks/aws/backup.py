"""Backup: a vault of its own, a daily copy of everything that holds data, and a weekly restore that proves
it.

RDS's own point-in-time recovery goes with the instance; the vault's copies do not. The restore drill is AWS
Backup's restore testing: it makes an instance from a random recovery point, checks that it comes up, and
throws it away.
"""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from stacks.aws import access, settings
from stacks.aws.context import Context

MANAGED = {
    "backup": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "restore": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores",
    "s3": "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
}


class Backup(pulumi.ComponentResource):
    """Outputs: `vault`, its name."""

    def __init__(
        self,
        name: str,
        args: settings.Backup,
        context: Context,
        *,
        resources: Mapping[str, pulumi.Input[str]],
        database_arn: pulumi.Input[str],
        database_subnets: str,
        key_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`resources` maps a short name to the ARN of what is copied; the database is the one restored as a
        drill.
        """
        super().__init__("storestack:aws:Backup", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.vault = context.name("vault", 50)
        vault = aws.backup.Vault(
            f"{name}-vault", name=self.vault, kms_key_arn=key_arn, opts=context.stateful(self)
        )
        plan = aws.backup.Plan(
            f"{name}-plan",
            name=context.name("daily", 50),
            rules=[
                aws.backup.PlanRuleArgs(
                    rule_name="daily",
                    target_vault_name=vault.name,
                    # UTC; after the database's own backup window.
                    schedule="cron(0 5 * * ? *)",
                    start_window=60,
                    completion_window=480,
                    lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=args.days),
                )
            ],
            opts=child,
        )
        role = access.Role(
            f"{name}-role",
            context.name("backup"),
            access.trust("backup.amazonaws.com", context.account),
            self,
            managed=MANAGED,
        )
        for short, arn in resources.items():
            aws.backup.Selection(
                f"{name}-{short}",
                name=context.name(short, 50),
                plan_id=plan.id,
                iam_role_arn=role.arn,
                resources=[arn],
                opts=child,
            )
        if args.restore_test:
            # Names of restore tests take letters, digits and underscores only.
            drill = aws.backup.RestoreTestingPlan(
                f"{name}-drill",
                name=context.name("drill", 50).replace("-", "_"),
                schedule_expression="cron(0 8 ? * MON *)",
                start_window_hours=4,
                recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                    algorithm="RANDOM_WITHIN_WINDOW",
                    include_vaults=[vault.arn],
                    recovery_point_types=["SNAPSHOT"],
                    selection_window_days=7,
                ),
                opts=child,
            )
            aws.backup.RestoreTestingSelection(
                f"{name}-drill-database",
                name=context.name("drill_database", 50).replace("-", "_"),
                restore_testing_plan_name=drill.name,
                protected_resource_type="RDS",
                protected_resource_arns=[database_arn],
                iam_role_arn=role.arn,
                restore_metadata_overrides={"dbSubnetGroupName": database_subnets},
                validation_window_hours=2,
                opts=child,
            )
        self.register_outputs({"vault": self.vault})
