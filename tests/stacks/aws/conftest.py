"""The AWS target's tests need pulumi-aws, which a local user does not install: they say so and skip."""

import pytest

pytest.importorskip("pulumi_aws", reason="pulumi-aws is not installed: install requirements/aws.lock")


from tests.stacks.aws.recording import Graph, record


def pytest_configure(config: pytest.Config) -> None:
    """The SDK warns of its own old names on import."""
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:pulumi_aws.*")


@pytest.fixture(scope="session")
def production() -> Graph:
    return record("production")


@pytest.fixture(scope="session")
def staging() -> Graph:
    return record("staging")
