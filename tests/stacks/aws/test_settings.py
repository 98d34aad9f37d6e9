"""Settings are refused before anything is made: by key, with the value that was given and what would do."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from stacks.aws.profiles import KEYS, REQUIRED
from stacks.aws.settings import ROLES, AwsSettings, SettingsError, parse

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/store@sha256:" + "ab" * 32
BASE = {
    "aws:region": "eu-central-1",
    "storestack:target": "aws",
    "storestack:owner": "platform",
    "storestack:cost_centre": "shop",
    "certificates:domain": "shop.example.com",
    "certificates:zone_id": "Z0123456789",
    "monitoring:email": "on-call@example.com",
    "store:image": IMAGE,
    "store:payment_gateway": "stripe",
    "store:stripe_key": "sk_test_1",
    "store:stripe_webhook_key": "whsec_1",
    "store:smtp_url": "smtps://shop@mail.example.com:465",
}


def read(stack: str = "production", /, **more: str | None) -> AwsSettings:
    config = dict(BASE)
    for name, value in more.items():
        key = name.replace("__", ":", 1)
        config.pop(key, None)
        if value is not None:
            config[key] = value
    return parse(stack, config, NOW)


def complaints(stack: str = "production", /, **more: str | None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(stack, **more)
    return caught.value.problems


def sale(name: str, starts: str, ends: str, web: int = 4, workers: int = 2) -> dict[str, object]:
    return {"name": name, "starts": starts, "ends": ends, "minimum_web": web, "minimum_workers": workers}


def test_every_key_of_the_table_has_a_field_and_every_field_a_key() -> None:
    wanted = {f"{role}:{field.name}" for role, kind in ROLES.items() for field in fields(kind)}
    assert wanted == {name for name in KEYS if not name.startswith("storestack:")}


def test_every_default_is_within_its_own_limits() -> None:
    for name, key in KEYS.items():
        for value in (key.staging, key.production):
            if key.kind == "number" and value is not REQUIRED:
                assert key.least is not None
                assert key.most is not None
                assert key.least <= value <= key.most, name
            if key.kind == "choice":
                assert value in key.choices, name


def test_production_keeps_two_of_everything_and_protects_it() -> None:
    settings = read()
    assert settings.protect
    assert settings.database.multi_az
    assert (settings.cache.nodes, settings.store.web_minimum, settings.store.worker_minimum) == (2, 2, 2)
    assert settings.network.zones == ("eu-central-1a", "eu-central-1b", "eu-central-1c")
    assert settings.network.nat == "per_zone"


def test_staging_protects_nothing_and_is_smaller() -> None:
    settings = read("staging")
    assert not settings.protect
    assert not settings.database.multi_az
    assert settings.network.zones == ("eu-central-1a", "eu-central-1b")
    assert settings.store.web_minimum == 1


def test_another_stack_takes_its_profile_from_its_settings() -> None:
    assert read("pr-7").profile == "staging"
    assert read("eu", storestack__profile="production").profile == "production"


def test_the_tags_name_owner_environment_cost_centre_and_project() -> None:
    assert set(read().tags) == {"owner", "environment", "cost_centre", "project"}


@pytest.mark.parametrize(
    ("key", "value", "mend"),
    [
        ("aws:region", "eu-central-9", "must be an AWS region"),
        ("network:zones", "eu-central-1z", "must name 2 or 3 different zones"),
        ("network:zones", "eu-central-1a,eu-central-1z", "use eu-central-1a, eu-central-1b, eu-central-1c"),
        ("network:zones", "us-east-1a,us-east-1b", "not in aws:region eu-central-1"),
        ("network:zones", "1", "2 or 3"),
        ("network:cidr", "8.8.0.0/16", "private IPv4 network"),
        ("network:cidr", "10.0.0.0/28", "from /16 to /20"),
        ("network:nat", "none", "one, per_zone"),
        ("network:endpoints", "ecr.api,teleport", "teleport"),
        ("network:vpc_id", "vpc-1", "two or more"),
        ("firewall:rate_limit", "5", "from 100"),
        ("firewall:back_office_allow", "0.0.0.0/0", "everybody"),
        ("firewall:back_office_allow", "office", "203.0.113.7/32"),
        ("firewall:log_days", "31", "30, 60"),
        ("certificates:domain", "Shop.example.com", "small letters"),
        ("certificates:zone_id", None, "the domain needs one hosted zone"),
        ("certificates:create_zone", "true", "the domain needs one hosted zone"),
        (
            "certificates:edge_arn",
            "arn:aws:acm:eu-central-1:123456789012:certificate/x",
            "issue one in us-east-1",
        ),
        (
            "certificates:balancer_arn",
            "arn:aws:acm:us-east-1:123456789012:certificate/x",
            "issue one in eu-central-1",
        ),
        ("certificates:edge_arn", "my-certificate", "arn:aws:acm"),
        ("edge:price_class", "cheap", "PriceClass_100"),
        ("balancer:drain", "300", "from 5 to 110"),
        ("store:image", None, "push an image"),
        ("store:image", "store:v1", "without a digest"),
        ("store:image", "Store Image", "@sha256:<64 hex>"),
        ("store:compute", "kubernetes", "containers, lambda, none"),
        ("store:web_memory", "1024", "2048 to 8192 MiB"),
        ("store:web_memory", "2500", "in steps of 1024"),
        ("store:web_minimum", "30", "raise the maximum"),
        ("store:web_minimum", "1", "production needs 2"),
        ("store:web_minimum", "two", "whole number"),
        ("store:spot_percent", "101", "from 0 to 100"),
        ("store:gateway_url", "http://gateway", "https://"),
        ("store:stop_timeout", "200", "from 30 to 120"),
        ("store:jobs", '[{"name":"j","command":"x","schedule":"rate(1 day)"}]', "list of words"),
        ("store:jobs", '[{"name":"j","command":["x"],"schedule":"daily"}]', "cron(0 3"),
        ("database:engine", "mysql", "the bundled store cannot use"),
        ("database:engine", "oracle", "postgres, mysql"),
        ("database:backup_days", "3", "from 7 to 35"),
        ("database:storage_most", "105", "a tenth above"),
        ("cache:engine", "memcached", "the bundled store cannot use"),
        ("cache:nodes", "1", "production needs 2"),
        ("cache:node_type", "cache.t4g.small", "burstable"),
        ("monitoring:email", "nobody", "mail address"),
        ("delivery:repository", "acme/*", "without wildcards"),
        ("storestack:protect", "yes", "true or false"),
        ("storestack:profile", "demo", "staging or production"),
        ("storestack:owner", None, "pulumi config set storestack:owner"),
        ("key_value:tables", '[{"name":"Carts","partition_key":"id"}]', "small letters"),
        ("key_value:tables", '[{"name":"carts"}]', "partition_key"),
    ],
)
def test_a_mistake_is_refused_with_its_key_its_value_and_the_mend(
    key: str, value: str | None, mend: str
) -> None:
    found = complaints(**{key.replace(":", "__", 1): value})
    assert all(key in line and mend in line for line in found), found
    if value is not None and key not in {"store:jobs", "key_value:tables"}:
        assert all(part in found[0] or part in found[-1] for part in value.split(",")), found


# What no key of a kind may be; numbers follow from the key's own bounds.
WRONG = {
    "text": ["", "  "],
    "version": ["latest", "17.", "٣"],
    "instance": ["large", "cache.m7g.large", "db.m7g"],
    "node": ["large", "db.m7g.large"],
    "flag": ["yes", "True", "1", ""],
    "days": ["31", "0", "²", "-7", "a week"],
    "choice": ["none of them", ""],
    "region": ["eu-central", "EU-CENTRAL-1", "us-gov-west-1"],
    "cidr": ["10.0.0.0", "10.0.0.0/28", "8.8.0.0/16", "fd00::/16", "10.0.0.1/16"],
    "cidrs": ["0.0.0.0/0", "::/0", "office", "203.0.113.7/33", "[203.0"],
    "zones": ["1", "4", "²", "eu-central-1a", "eu-central-1a,eu-central-1a", "moon-1a,moon-1b", "[3"],
    "services": ["teleport", "[ecr"],
    "id": ["a", "with space", "semi;colon"],
    "ids": ["with space,subnet-1"],
    "domain": ["shop", "Shop.example.com", "https://shop.example.com", "-a.example.com", "shop..com"],
    "certificate": ["my-certificate", "arn:aws:iam::123456789012:role/x"],
    "image": ["Store Image", "store@sha256:abc", "-store", "store:v1 x"],
    "url": ["http://gateway", "gateway", "https://"],
    "secret": ["", "two words"],
    "smtp": ["mail.example.com", "https://mail", "smtp://user:open@mail", "smtp://mail:port"],
    "sender": ["Store", "store@example.com", "Store <store>"],
    "email": ["nobody", "a@b", "a b@c.de"],
    "repository": ["acme", "acme/*", "https://github.com/acme/shop"],
    "sales": ["soon", "{}", "[1]", '[{"name": "a"}]'],
    "jobs": ["nightly", "[1]", '[{"name": "a"}]'],
    "tables": ["carts", "[1]", '[{"name": "Carts", "partition_key": "id"}]'],
}


def mistakes() -> list[tuple[str, str]]:
    found = []
    for name, key in KEYS.items():
        wrong = WRONG.get(key.kind, [])
        if key.kind == "number":
            least, most = int(key.least or 0), int(key.most or 0)
            wrong = [str(least - 1), str(most + 1), "many", "1.5", "", f"{least}e1"]
        found += [(name.replace("storestack:region", "aws:region"), value) for value in wrong]
    return found


def test_every_kind_of_setting_has_its_mistakes() -> None:
    assert WRONG.keys() | {"number"} == {key.kind for key in KEYS.values()}


@pytest.mark.parametrize("profile", ["staging", "production"])
@pytest.mark.parametrize(("key", "value"), mistakes())
def test_no_key_takes_a_value_that_cannot_be(profile: str, key: str, value: str) -> None:
    found = [
        line for line in complaints(profile, **{key.replace(":", "__", 1): value}) if line.startswith(key)
    ]
    assert len(found) == 1, found
    secret = key in KEYS and KEYS[key].kind == "secret"
    assert repr(value) in found[0] or secret
    assert "must" in found[0] or "everybody" in found[0] or "unknown zone" in found[0]
    assert not (secret and value and value in found[0])


@pytest.mark.parametrize(
    ("more", "mend"),
    [
        ({"store__stripe_key": None, "store__stripe_webhook_key": None}, "needs store:stripe_key"),
        ({"store__stripe_webhook_key": None}, "set --secret store:stripe_webhook_key"),
        ({"store__carrier": "easypost", "store__carrier_webhook_key": "x"}, "set --secret store:carrier_key"),
    ],
)
def test_a_partner_without_its_keys_is_refused(more: dict[str, str | None], mend: str) -> None:
    (found,) = complaints(**more)
    assert mend in found


@pytest.mark.parametrize(
    ("stack", "more", "mend"),
    [
        ("production", {"store__payment_gateway": "test"}, "production needs stripe"),
        (
            "production",
            {"store__payment_gateway": "test", "store__gateway_url": "https://gateway.example.com"},
            "production needs stripe",
        ),
        ("staging", {"store__payment_gateway": "test"}, "store:gateway_url is not set"),
        ("staging", {"store__smtp_url": None}, "set the relay's address"),
        ("production", {"store__smtp_url": None}, "set the relay's address"),
    ],
)
def test_a_store_that_takes_no_money_or_sends_no_mail_is_refused(
    stack: str, more: dict[str, str | None], mend: str
) -> None:
    (found,) = complaints(stack, **more)
    assert mend in found


def test_an_image_of_ones_own_and_an_environment_without_a_store_need_neither() -> None:
    nothing = {f"store__{key}": None for key in ("payment_gateway", "stripe_key", "smtp_url")}
    assert read(store__bundled="false", **nothing).store.smtp_url is None
    assert read(store__compute="none", store__image=None, **nothing).store.smtp_url is None
    assert read("staging", store__payment_gateway="test", store__gateway_url="https://gateway.example.com")


def test_a_key_of_others_never_shows() -> None:
    keys = {"stripe_key": "sk_live_1", "stripe_webhook_key": "whsec_1", "smtp_password": "relay-password"}
    settings = read(
        store__payment_gateway="stripe", **{f"store__{name}": value for name, value in keys.items()}
    )
    assert settings.store.given == {name.replace("_", "-"): value for name, value in keys.items()}
    assert not [value for value in keys.values() if value in repr(settings)]


def test_a_mistyped_key_is_refused_with_the_nearest_one() -> None:
    assert complaints(database__muti_az="true") == [
        "database:muti_az is no setting of the aws target: did you mean database:multi_az?"
    ]


def test_a_key_of_the_local_target_is_refused() -> None:
    assert "edge:https_port" in complaints(edge__https_port="8443")[0]


def test_keys_of_other_tools_are_left_alone() -> None:
    assert read(aws__maxRetries="3", policies__levels="{}").provider["aws:maxRetries"] == "3"


def test_all_mistakes_are_reported_together() -> None:
    assert len(complaints(network__nat="x", cache__nodes="99", store__image="store:v1 x", nope="1")) == 3


def test_a_long_stack_name_is_refused() -> None:
    assert "1 to 15" in complaints("a-very-long-stack-name")[0]


def test_a_foreign_image_may_use_mysql_and_memcached() -> None:
    settings = read(store__bundled="false", database__engine="mysql", cache__engine="memcached")
    assert (settings.database.version, settings.cache.engine) == ("8.4", "memcached")


def test_lambda_takes_no_sales_jobs_or_switching_releases() -> None:
    found = complaints(
        store__compute="lambda",
        store__deployment="canary",
        store__jobs='[{"name":"j","command":["x"],"schedule":"rate(1 day)"}]',
    )
    assert len(found) == 2
    assert complaints(store__compute="lambda", store__image="store@sha256:" + "ab" * 32)


def test_the_first_up_needs_no_image() -> None:
    assert read(store__compute="none", store__image=None).store.image is None


@pytest.mark.parametrize(
    ("sales", "mend"),
    [
        ([sale("old", "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")], "ended at 2026-10-02T00:00:00+00:00"),
        (
            [
                sale("a", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
                sale("b", "2026-11-27T12:00:00Z", "2026-11-29T00:00:00Z"),
            ],
            "make them one sale",
        ),
        ([sale("a", "2026-11-27T00:00:00", "2026-11-28T00:00:00Z")], "without an offset"),
        ([sale("a", "Black Friday", "2026-11-28T00:00:00Z")], "write 2026-11-27T00:00:00+01:00"),
        ([sale("a", "2026-11-28T00:00:00Z", "2026-11-27T00:00:00Z")], "before it starts"),
        ([sale("a", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", web=0)], "from 1"),
        ([sale("a", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", web=99)], "above store:web_maximum 20"),
        (
            [
                sale("a", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
                sale("a", "2026-12-27T00:00:00Z", "2026-12-28T00:00:00Z"),
            ],
            "names a sale twice",
        ),
        ([{"name": "a"}], "minimum_workers"),
    ],
)
def test_a_sale_that_cannot_be_is_refused(sales: list[dict[str, object]], mend: str) -> None:
    found = complaints(store__sales=json.dumps(sales))
    assert len(found) == 1
    assert found[0].startswith("store:sales")
    assert mend in found[0]


def test_a_second_sale_within_the_lead_of_the_first_is_an_overlap() -> None:
    sales = [
        sale("a", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
        sale("b", "2026-11-28T00:10:00Z", "2026-11-29T00:00:00Z"),
    ]
    assert "15 minutes of lead" in complaints(store__sales=json.dumps(sales))[0]
    assert len(read(store__sales=json.dumps(sales), store__sale_lead="5").store.sales) == 2


def test_a_sale_without_autoscaling_is_refused() -> None:
    sales = json.dumps([sale("a", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z")])
    assert "store:autoscaling" in complaints(store__sales=sales, store__autoscaling="false")[0]
