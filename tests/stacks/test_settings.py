"""Settings: each key takes what it says, refuses the rest in one line, and all mistakes come at once."""

import contextlib
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.settings import Settings, SettingsError, parse, table
from stacks.settings.document import PAGE, render
from stacks.settings.keys import ROLES

# For every key: a value that does, and values that do not.
CASES: dict[str, tuple[str, list[str]]] = {
    "storestack:target": ("local", ["azure", ""]),
    "network:subnet": (
        "192.168.7.0/24",
        ["192.168.7.0/25", "8.8.8.0/24", "127.0.0.0/24", "10.0.0.1/24", "x"],
    ),
    "edge:host": ("shop.example.com", ["Shop.example.com", "-a.com", "a..b", "", "a b", "a" * 64]),
    "edge:back_office_host": ("office.example.com", ["Office.example.com", "", "a b"]),
    "edge:back_office_networks": ("192.0.2.0/24 203.0.113.9", ["", "10.0.0.1/8", "home", "::/0"]),
    "edge:back_office_per_second": ("5", ["0", "x"]),
    "edge:listen": ("192.0.2.1", ["localhost", "::1", "1.2.3", ""]),
    "edge:https_port": ("443", ["0", "65536", "-1", "x", "", "8443.0"]),
    "edge:http_port": ("80", ["0", "65536", "x"]),
    "edge:cpus": ("1.5", ["0", "65", "two", "1.2345"]),
    "edge:memory_mb": ("256", ["127", "65537", "1g"]),
    "edge:cache_mb": ("1024", ["15", "x"]),
    "edge:body_mb": ("1", ["0", "1025"]),
    "edge:pages_per_second": ("1", ["0", "100001"]),
    "edge:api_per_second": ("100000", ["0", "x"]),
    "edge:sensitive_per_minute": ("5", ["0", "1e3"]),
    "edge:connections": ("10", ["0", "100001"]),
    "firewall:mode": ("detect", ["on", "BLOCK", ""]),
    "firewall:paranoia": ("4", ["0", "5"]),
    "certificates:source": ("own", ["letsencrypt", ""]),
    "certificates:certificate_file": ("/etc/ssl/shop.pem", [""]),
    "certificates:key_file": ("/etc/ssl/shop.key", [""]),
    "certificates:acme_directory": ("https://acme.example.com/dir", ["acme.example.com", "http://x/dir"]),
    "certificates:acme_email": ("owner@example.com", ["owner"]),
    "certificates:acme_authority_file": ("/etc/ssl/acme.pem", [""]),
    "balancer:cpus": ("0.5", ["0.05", "x"]),
    "balancer:memory_mb": ("64", ["63", "x"]),
    "balancer:connections": ("10", ["9", "1000001"]),
    "balancer:server_connections": ("1", ["0"]),
    "balancer:queue": ("1", ["0"]),
    "balancer:queue_seconds": ("300", ["0", "301"]),
    "store:image": ("ghcr.io/shop/store:1.2@sha256:" + "a" * 64, ["", "UPPER:1", "a b"]),
    "store:bundled": ("true", ["maybe"]),
    "store:version": ("1.2-rc_3", ["", "a b", "-x"]),
    "store:web": ("64", ["0", "65", "many"]),
    "store:workers": ("0", ["-1", "65"]),
    "store:port": ("1024", ["80", "70000"]),
    "store:web_cpus": ("0.1", ["0", "x"]),
    "store:web_memory_mb": ("64", ["63"]),
    "store:worker_cpus": ("2", ["0"]),
    "store:worker_memory_mb": ("128", ["1"]),
    "store:drain_seconds": ("1", ["0", "301"]),
    "store:release_command": ("sh -c 'a b'", ["sh -c 'open"]),
    "store:release_seconds": ("10", ["9", "86401"]),
    "store:worker_command": ("node jobs.js", ['"']),
    "store:health_command": ("node jobs.js", ['"']),
    "store:seed_command": ("", ["'"]),
    "store:sample_data": ("false", ["yes", "0", "True"]),
    "store:smoke_paths": ("/a /b?c=d", ["", "a", "/a b"]),
    "store:payment_gateway": ("test", ["paypal", ""]),
    "store:payment_capture": ("shipment", ["later", ""]),
    "store:stripe_key": ("sk_test_1234", ["pk_test_1234", ""]),
    "store:stripe_webhook_key": ("whsec_1234", ["1234", ""]),
    "store:carrier": ("none", ["dhl", ""]),
    "store:carrier_key": ("EZTK1234567890", [""]),
    "store:carrier_webhook_key": ("a-secret-of-ours", [""]),
    "store:smtp_url": ("smtp://relay.example.com:587", ["relay.example.com", "http://relay"]),
    "store:smtp_password": ("a-secret-of-ours", [""]),
    "store:mail_from": ("Shop <shop@example.com>", ["shop@example.com", "Shop"]),
    "store:ready_seconds": ("5", ["4", "3601"]),
    "database:engine": ("postgres", ["mariadb", "oracle"]),
    "database:cpus": ("64", ["65"]),
    "database:memory_mb": ("256", ["255"]),
    "database:connections": ("200", ["19", "5001"]),
    "database:slow_query_ms": ("1", ["0"]),
    "database:pool_size": ("1", ["0", "1001"]),
    "database:pool_clients": ("10", ["9"]),
    "cache:engine": ("valkey", ["dragonfly"]),
    "cache:cpus": ("1", ["0"]),
    "cache:memory_mb": ("64", ["63"]),
    "images:base": ("debian:trixie", ["", "Debian"]),
    "images:keep": ("1", ["0", "101"]),
    "containers:log_mb": ("1", ["0"]),
    "containers:log_files": ("1", ["0", "101"]),
    "loadtests:hosts": ("127.0.0.1 staging.example.com", ["", "https://staging.example.com", "a b:80"]),
}


def test_every_key_has_a_case_here() -> None:
    assert set(CASES) == {row.name for row in table()}


def alone(key: str, text: str) -> dict[str, str]:
    """A configuration in which nothing but this key can be wrong."""
    beside = {
        "certificates:certificate_file": {"certificates:key_file": "k", "certificates:source": "files"},
        "certificates:key_file": {"certificates:certificate_file": "c", "certificates:source": "files"},
    }
    return {**beside.get(key, {}), key: text}


@pytest.mark.parametrize("key", CASES)
def test_a_good_value_reaches_its_field(key: str) -> None:
    role, _, name = key.partition(":")
    settings = parse("local", alone(key, CASES[key][0]))
    holder = settings if role == "storestack" else getattr(settings, role)
    row = next(row for row in table() if row.name == key)
    assert getattr(holder, name) == row.kind.parse(CASES[key][0])


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, (_, bad) in CASES.items() for text in bad])
def test_a_bad_value_is_refused_in_one_line_with_key_value_and_mend(key: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse("local", alone(key, text))
    (problem,) = [line for line in caught.value.problems if line.startswith(key)]
    assert f'"{text}"' in problem
    assert "use " in problem or "close " in problem
    assert "\n" not in problem


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse("local", {"edge:https_port": "0", "store:web": "0", "cache:memory": "1"})
    assert len(caught.value.problems) == 3


def test_an_unknown_key_of_a_role_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="did you mean edge:https_port"):
        parse("local", {"edge:htps_port": "1"})


def test_a_misspelt_role_is_refused() -> None:
    with pytest.raises(SettingsError, match="did you mean edge:host"):
        parse("local", {"egde:host": "localhost"})


def test_keys_of_other_programs_are_left_alone() -> None:
    assert parse("local", {"docker:host": "unix:///x", "pulumi:template": "y", "aws:region": "z"})


@pytest.mark.parametrize("name", ["Prod", "a_b", "", "-a", "a" * 32, "a/b"])
def test_a_stack_name_that_no_container_can_carry_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="stack name"):
        parse(name, {})


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"edge:http_port": "8443"}, "edge:http_port"),
        ({"certificates:source": "files"}, "certificates:certificate_file"),
        ({"certificates:source": "files", "certificates:certificate_file": "c"}, "certificates:key_file"),
        ({"certificates:key_file": "k"}, "certificates:source"),
        ({"edge:back_office_host": "localhost"}, "edge:back_office_host"),
        ({"edge:host": "a.example", "edge:back_office_host": "a.example"}, "edge:back_office_host"),
        ({"certificates:source": "acme"}, "edge:host"),
        ({"store:worker_command": ""}, "store:worker_command"),
        ({"database:pool_size": "95"}, "database:connections"),
        ({"database:engine": "mysql"}, "store:image"),
        ({"cache:engine": "memcached"}, "store:image"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(config: dict[str, str], key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse("local", config)
    assert len(caught.value.problems) == 1
    assert key in caught.value.problems[0]


def test_defaults_are_what_the_table_says() -> None:
    settings = parse("local", {})
    assert settings == Settings("local")
    assert settings.url == "https://localhost:8443"
    assert settings.back_office_url == "https://admin.localhost:8443"
    other = parse("local", {"edge:https_port": "443", "edge:host": "a.example"})
    assert (other.url, other.back_office_url) == ("https://a.example", "https://admin.a.example")
    named = parse("local", {"edge:back_office_host": "office.example"})
    assert named.back_office_url == "https://office.example:8443"


def test_every_field_of_every_role_is_a_key() -> None:
    assert {f.name for f in fields(Settings)} == {"stack", "target", *ROLES}


def test_the_page_in_docs_is_in_step() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m stacks.settings.document"


@given(st.dictionaries(st.sampled_from(sorted(CASES)), st.text(max_size=20)))
def test_no_text_whatever_breaks_the_parser(config: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        assert parse("local", config).stack == "local"
