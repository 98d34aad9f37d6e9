"""Pruning keeps what a rollback needs and what anyone runs."""

from ci.pruning import surplus

TAGS = {
    "storestack/store:d": "2026-04",
    "storestack/store:c": "2026-03",
    "storestack/store:b": "2026-02",
    "storestack/store:a": "2026-01",
    "storestack/edge:a": "2026-01",
}


def test_the_newest_of_each_role_stay() -> None:
    assert surplus(TAGS, set(), keep=2) == ["storestack/store:b", "storestack/store:a"]


def test_an_image_in_use_stays_however_old() -> None:
    assert surplus(TAGS, {"storestack/store:a"}, keep=2) == ["storestack/store:b"]


def test_keep_none_removes_all_that_no_one_uses() -> None:
    assert set(surplus(TAGS, {"storestack/edge:a"}, keep=0)) == set(TAGS) - {"storestack/edge:a"}
