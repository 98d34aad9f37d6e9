"""A sealed answer opens for the API key that it was made for, and for nothing else."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag

from app.api.seals import seal, unseal

KEY = "sk_15106af5b1d4_VMDSsb5l6KjyZZb8wCxmKr_kPTVE5KgEXKn8Pbc0MaI"
BODY = b'{"code":"7K2M-Q4XN-B8TR-WC5H"}'


def test_only_the_same_key_opens_it_under_the_same_name() -> None:
    kept = seal(KEY, "card-1", BODY)
    assert BODY not in kept
    assert unseal(KEY, "card-1", kept) == BODY
    assert seal(KEY, "card-1", BODY) != kept
    for key, name in ((f"{KEY}x", "card-1"), (KEY, "card-2")):
        with pytest.raises(InvalidTag):
            unseal(key, name, kept)


def test_what_was_not_sealed_is_itself() -> None:
    assert unseal(KEY, "card-1", BODY) == BODY
