"""RandomSecret: made once, never again, and not to be guessed."""

from stacks.local.providers.random_secret import RandomSecretProvider


def test_each_secret_is_another_and_fits_every_password_field() -> None:
    values = {(RandomSecretProvider().create({}).outs or {})["value"] for _ in range(50)}
    assert len(values) == 50
    assert all(len(value) == 43 and value.replace("-", "").replace("_", "").isalnum() for value in values)


def test_an_update_of_the_stack_keeps_the_value() -> None:
    provider = RandomSecretProvider()
    state = provider.create({}).outs or {}
    assert (provider.update("", state, {}).outs or {})["value"] == state["value"]
    assert not provider.diff("", state, {"value": None}).changes
