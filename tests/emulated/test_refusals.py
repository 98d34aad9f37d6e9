"""What only the account can know to be wrong is refused before anything is made."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.emulated.conftest import Environment


def test_an_unknown_zone_is_refused_by_the_account_before_anything_is_made(
    make_environment: Callable[..., Environment],
) -> None:
    wrong = make_environment("wrong-zone", network__zones="us-east-1a,us-east-1f")
    with pytest.raises(Exception, match="us-east-1f"):
        wrong.stack.up(color="never")
    assert wrong.types() == []


def test_a_hosted_zone_that_is_not_there_is_refused_before_anything_is_made(
    make_environment: Callable[..., Environment],
) -> None:
    wrong = make_environment(
        "wrong-host", certificates__create_zone="false", certificates__zone_id="Z0000000000"
    )
    with pytest.raises(Exception, match="certificates:zone_id is 'Z0000000000'"):
        wrong.stack.up(color="never")
    assert wrong.types() == []


def test_a_wrong_setting_is_refused_before_anything_is_made(
    make_environment: Callable[..., Environment],
) -> None:
    wrong = make_environment("wrong-setting", database__multi_az="perhaps")
    with pytest.raises(Exception, match="database:multi_az is 'perhaps': must be true or false"):
        wrong.stack.up(color="never")
    assert wrong.types() == []
