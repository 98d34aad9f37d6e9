"""The budget: a warning when four fifths of the month's money is spent, and when the forecast is above all of
it.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from stacks.aws import settings
from stacks.aws.context import Context


class Budget(pulumi.ComponentResource):
    """Creates one monthly cost budget for what carries this environment's tag."""

    def __init__(
        self,
        name: str,
        args: settings.Budget,
        context: Context,
        *,
        email: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("storestack:aws:Budget", name, None, opts)
        aws.budgets.Budget(
            f"{name}-monthly",
            name=context.name("monthly"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(args.monthly),
            limit_unit="USD",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:environment${context.stack}"]
                )
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    threshold=threshold,
                    threshold_type="PERCENTAGE",
                    notification_type=kind,
                    subscriber_email_addresses=[email],
                )
                for kind, threshold in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
