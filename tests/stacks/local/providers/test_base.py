"""How providers stand in state: by name, so that an edit of their code is no change of the stack."""

import base64

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from stacks.local.providers.admission import AdmissionProvider
from stacks.local.providers.authority import AuthorityProvider, LeafProvider
from stacks.local.providers.base import Failure, Provider
from stacks.local.providers.one_shot import OneShotProvider
from stacks.local.providers.random_secret import RandomSecretProvider
from stacks.local.providers.volume_files import VolumeFilesProvider

PROVIDERS = [
    AdmissionProvider,
    AuthorityProvider,
    LeafProvider,
    OneShotProvider,
    RandomSecretProvider,
    VolumeFilesProvider,
]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_is_stored_by_name(provider: type[Provider]) -> None:
    stored = base64.b64decode(serialize_provider(provider()))
    assert provider.__qualname__.encode() in stored
    assert len(stored) < 300


def test_a_failure_is_shown_as_its_line_alone() -> None:
    import traceback

    try:
        raise Failure("the balancer is not running")
    except Failure:
        shown = traceback.format_exc()
    assert shown == "Failure: the balancer is not running\n"
