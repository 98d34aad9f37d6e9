"""Where load may go: a host nobody listed, or a missing authority, ends the run before it begins."""

from __future__ import annotations

import ssl

import pytest

from loadtests.target import Target, TargetError, check_host, read_target


@pytest.mark.parametrize("url", ["https://localhost:8443", "https://127.0.0.1", "https://[::1]:8443"])
def test_this_machine_is_always_allowed(url: str) -> None:
    check_host(url)


def test_a_host_that_is_not_listed_is_refused_by_its_address() -> None:
    with pytest.raises(TargetError, match=r"leads to 192\.0\.2\.7, and load goes only to 127\.0\.0\.1"):
        check_host("https://192.0.2.7/")


def test_a_listed_host_is_allowed_by_its_name_alone() -> None:
    check_host("https://shop.example", ["shop.example"])


def test_a_missing_authority_says_where_to_get_one() -> None:
    with pytest.raises(TargetError, match="no authority's certificate to trust https://localhost by: run"):
        _ = Target("https://localhost", " \n", "key").trust


def test_an_authority_that_is_no_certificate_is_refused() -> None:
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(TargetError, match="the authority's certificate cannot be read") as caught:
        _ = Target("https://localhost", broken, "key").trust
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_text_that_is_no_certificate_at_all_is_refused() -> None:
    with pytest.raises(TargetError, match="cannot be read"):
        _ = Target("https://localhost", "see the other file", "key").trust


def test_half_a_target_in_the_environment_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORESTACK_URL", "https://127.0.0.1")
    monkeypatch.setenv("STORESTACK_CA", "PEM")
    monkeypatch.delenv("STORESTACK_SHOPPER_KEY", raising=False)
    with pytest.raises(TargetError, match="STORESTACK_SHOPPER_KEY is not set"):
        read_target("local")


def test_a_stack_that_nobody_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORESTACK_URL", raising=False)
    with pytest.raises(TargetError, match="there is no stack 'nowhere': `make up STACK=nowhere` makes it"):
        read_target("nowhere")
