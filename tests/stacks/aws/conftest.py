"""The AWS target's tests need pulumi-aws, which a local user does not install: they say so and skip."""

import pytest

pytest.importorskip("pulumi_aws", reason="pulumi-aws is not installed: install requirements/aws.lock")
