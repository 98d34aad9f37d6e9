"""Makes the stack on the target that its settings name: this machine or AWS, with the same roles."""

from datetime import UTC, datetime

import pulumi
from pulumi.runtime.config import CONFIG

from stacks import aws
from stacks.aws.settings import parse as parse_aws
from stacks.settings import SettingsError, parse

stack, config = pulumi.get_stack(), CONFIG.get()
try:
    if config.get("storestack:target") == "aws":
        outputs = aws.deploy(parse_aws(stack, config, datetime.now(UTC)))
    else:
        from stacks.local.environment import deploy

        outputs = deploy(parse(stack, config))
except SettingsError as error:
    raise pulumi.RunError(str(error)) from None

for name, value in outputs.items():
    pulumi.export(name, value)
