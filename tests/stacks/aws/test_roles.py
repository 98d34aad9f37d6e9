"""The inputs of each role's resources, in the profiles and under the settings that change them."""

from __future__ import annotations

import json

import pytest

from tests.stacks.aws.recording import Graph, container, environment, record

# -- network and firewall --------------------------------------------------------------------------


def test_production_has_three_zones_with_a_way_out_each_staging_two_with_one(
    production: Graph, staging: Graph
) -> None:
    assert (len(production.of("natGateway:NatGateway")), len(production.of("ec2/subnet:Subnet"))) == (3, 9)
    assert (len(staging.of("natGateway:NatGateway")), len(staging.of("ec2/subnet:Subnet"))) == (1, 6)


def test_a_further_zone_moves_no_subnet() -> None:
    two = record("staging", network__zones="2")
    three = record("staging", network__zones="3")
    for item in two.of("ec2/subnet:Subnet"):
        assert three.one(item.name).inputs["cidrBlock"] == item.inputs["cidrBlock"]


def test_the_default_security_group_is_empty_and_flows_are_logged(production: Graph) -> None:
    assert not production.one("network-default-group").inputs.get("ingress")
    assert production.one("network-flow").inputs["trafficType"] == "ALL"


def test_the_balancer_hears_cloudfront_and_speaks_to_the_app_only(production: Graph) -> None:
    group = production.one("firewall-balancer").inputs
    assert [rule["prefixListIds"] for rule in group["ingress"]] == [["pl-cloudfront"]]
    assert all("cidrBlocks" not in rule for rule in group["ingress"] + group["egress"])
    assert group["egress"][0]["securityGroups"] == ["firewall-app-id"]
    assert production.one("firewall-app-from-balancer").inputs["fromPort"] == 8000


def test_the_web_acl_limits_rates_and_knows_bad_inputs(production: Graph) -> None:
    rules = {rule["name"]: rule for rule in production.one("firewall-shop").inputs["rules"]}
    assert rules["rate"]["statement"]["rateBasedStatement"]["limit"] == 2000
    assert "AWSManagedRulesKnownBadInputsRuleSet" in rules
    assert production.one("firewall-shop").inputs["scope"] == "CLOUDFRONT"
    assert production.one("firewall-shop").inputs["region"] == "us-east-1"


def test_the_back_office_lets_nobody_in_but_the_allow_list() -> None:
    graph = record("staging", firewall__back_office_allow="203.0.113.0/24,2001:db8::/48")
    acl = graph.one("firewall-back-office").inputs
    assert "block" in acl["defaultAction"]
    assert graph.one("firewall-back-office-v4").inputs["addresses"] == ["203.0.113.0/24"]
    assert graph.one("firewall-back-office-v6").inputs["ipAddressVersion"] == "IPV6"
    order = [rule["name"] for rule in sorted(acl["rules"], key=lambda rule: rule["priority"])]
    assert order[-2:] == ["office-v4", "office-v6"]


def test_an_empty_allow_list_opens_nothing(staging: Graph) -> None:
    rules = staging.one("firewall-back-office").inputs["rules"]
    assert not [rule for rule in rules if "allow" in (rule.get("action") or {})]


# -- edge and balancer -----------------------------------------------------------------------------


def test_the_edge_speaks_new_tls_only_and_logs_by_v2_delivery(production: Graph) -> None:
    for part in ("shop", "back-office"):
        inputs = production.one(f"edge-{part}").inputs
        assert inputs["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
        assert inputs["httpVersion"] == "http2and3"
        assert inputs["webAclId"]
        assert "loggingConfig" not in inputs
        assert production.one(f"edge-{part}-delivery").inputs["region"] == "us-east-1"
        assert production.one(f"edge-{part}-logs").inputs["logType"] == "ACCESS_LOGS"


def test_the_balancer_is_reached_through_a_vpc_origin_by_tls(production: Graph) -> None:
    config = production.one("edge-origin").inputs["vpcOriginEndpointConfig"]
    assert config["originProtocolPolicy"] == "https-only"
    assert config["originSslProtocols"]["items"] == ["TLSv1.2"]
    origins = {item["originId"]: item for item in production.one("edge-shop").inputs["origins"]}
    assert origins["balancer"]["vpcOriginConfig"]["vpcOriginId"] == "edge-origin-id"
    assert origins["media"]["originAccessControlId"]


def test_pages_are_cached_without_cookies_in_the_key_and_personal_parts_never(production: Graph) -> None:
    key = production.one("edge-pages").inputs["parametersInCacheKeyAndForwardedToOrigin"]
    assert key["cookiesConfig"]["cookieBehavior"] == "none"
    behaviors = {
        item["pathPattern"]: item for item in production.one("edge-shop").inputs["orderedCacheBehaviors"]
    }
    assert behaviors["/fragments/*"]["cachePolicyId"] != behaviors["/media/*"]["cachePolicyId"]
    office = production.one("edge-back-office").inputs["defaultCacheBehavior"]
    assert office["cachePolicyId"] == behaviors["/fragments/*"]["cachePolicyId"]


def test_hsts_lasts_two_years(production: Graph) -> None:
    headers = production.one("edge-headers").inputs["securityHeadersConfig"]
    assert headers["strictTransportSecurity"]["accessControlMaxAgeSec"] == 63_072_000


def test_certificates_of_the_edge_are_in_us_east_1(production: Graph) -> None:
    assert production.one("certificates-edge").inputs["region"] == "us-east-1"
    assert production.one("certificates-balancer").inputs["region"] == "eu-central-1"


def test_certificates_given_by_arn_are_used_and_none_is_made() -> None:
    edge = "arn:aws:acm:us-east-1:123456789012:certificate/edge"
    balancer = "arn:aws:acm:eu-central-1:123456789012:certificate/balancer"
    graph = record("staging", certificates__edge_arn=edge, certificates__balancer_arn=balancer)
    assert not graph.of("acm/certificate:Certificate")
    assert graph.one("edge-shop").inputs["viewerCertificate"]["acmCertificateArn"] == edge
    assert graph.one("balancer-https").inputs["certificateArn"] == balancer


def test_the_balancer_answers_known_hosts_only_and_drains_in_half_a_minute(production: Graph) -> None:
    listener = production.one("balancer-https").inputs
    assert listener["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-")
    assert listener["defaultActions"][0]["fixedResponse"]["statusCode"] == "404"
    hosts = production.one("balancer-hosts").inputs["conditions"][0]["hostHeader"]["values"]
    assert hosts == ["shop.example.com", "back-office.shop.example.com"]
    group = production.one("balancer-blue").inputs
    assert (group["deregistrationDelay"], group["healthCheck"]["path"]) == (30, "/health/ready")
    balancer = production.one("balancer-balancer").inputs
    assert balancer["dropInvalidHeaderFields"]
    assert balancer["accessLogs"]["enabled"]
    assert balancer["enableDeletionProtection"]


# -- data ------------------------------------------------------------------------------------------


def test_postgres_forces_tls_logs_slow_queries_and_has_a_managed_master(production: Graph) -> None:
    parameters = {
        item["name"]: item["value"] for item in production.one("database-parameters").inputs["parameters"]
    }
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["log_min_duration_statement"] == "500"
    primary = production.one("database-primary").inputs
    assert primary["manageMasterUserPassword"]
    assert "password" not in primary
    assert primary["multiAz"]
    assert primary["deletionProtection"]
    assert not primary["skipFinalSnapshot"]
    assert primary["finalSnapshotIdentifier"] == "storestack-production-primary-final"
    assert production.one("database-proxy").inputs["requireTls"]


def test_a_replica_follows_the_primary_and_has_its_own_url() -> None:
    graph = record("production", database__replicas="2")
    assert graph.one("database-replica-2").inputs["replicateSourceDb"] == "storestack-production-primary"
    assert "replica-1" in graph.one("store-database-replica-url").inputs["value"]


def test_a_snapshot_brings_its_own_name_and_user() -> None:
    primary = record("staging", database__snapshot_id="before-the-move").one("database-primary").inputs
    assert primary["snapshotIdentifier"] == "before-the-move"
    assert "username" not in primary


def test_mysql_is_tls_only_on_its_own_port() -> None:
    graph = record("staging", store__bundled="false", database__engine="mysql")
    parameters = {
        item["name"]: item["value"] for item in graph.one("database-parameters").inputs["parameters"]
    }
    assert parameters["require_secure_transport"] == "ON"
    assert graph.one("database-parameters").inputs["family"] == "mysql8.4"
    assert graph.one("firewall-database-from-app").inputs["fromPort"] == 3306
    assert graph.one("store-database-url").inputs["value"].startswith("mysql://store@")


@pytest.mark.parametrize(("engine", "family"), [("redis", "redis7"), ("valkey", "valkey8")])
def test_the_cache_fails_over_and_never_evicts_carts(engine: str, family: str) -> None:
    graph = record("production", cache__engine=engine)
    group = graph.one("cache-group").inputs
    assert (group["engine"], group["automaticFailoverEnabled"], group["multiAzEnabled"]) == (
        engine,
        True,
        True,
    )
    parameters = graph.one("cache-parameters").inputs
    assert parameters["family"] == family
    assert parameters["parameters"] == [{"name": "maxmemory-policy", "value": "noeviction"}]


def test_memcached_has_tls_and_no_password_to_read() -> None:
    graph = record("staging", store__bundled="false", cache__engine="memcached")
    assert graph.one("cache-cluster").inputs["transitEncryptionEnabled"]
    assert "CACHE_PASSWORD_SECRET_ARN" not in environment(graph, "web")
    assert graph.one("store-cache-url").inputs["value"].startswith("memcacheds://")


def test_further_engines_are_wired_into_the_store_by_reference() -> None:
    tables = '[{"name":"carts","partition_key":"id","expires":"until"}]'
    graph = record(
        "staging", documents__enabled="true", wide_column__enabled="true", key_value__tables=tables
    )
    plain = environment(graph, "web")
    assert plain["KEY_VALUE_PREFIX"] == "storestack-staging-"
    assert plain["WIDE_COLUMN_URL"].endswith(":9142/storestack_staging?ssl=true")
    names = {item["name"] for item in container(graph, "web")["secrets"]}
    assert {"DOCUMENTS_URL", "DOCUMENTS_SECRET_ARN"} <= names
    assert graph.one("documents-cluster").inputs["manageMasterUserPassword"]
    assert graph.one("key-value-carts").inputs["ttl"] == {"attributeName": "until", "enabled": True}
    policy = graph.one("store-web-role-policy").inputs["policy"]
    assert "dynamodb:Query" in policy
    assert "cassandra:Select" in policy
    assert graph.one("firewall-documents-from-app").inputs["fromPort"] == 27017


# -- registry, backup, delivery, budget ------------------------------------------------------------


def test_images_are_scanned_never_overwritten_and_pruned(production: Graph) -> None:
    repository = production.one("registry-store").inputs
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"]["scanOnPush"]
    lifecycle = json.loads(production.one("registry-store-lifecycle").inputs["policy"])
    assert lifecycle["rules"][0]["selection"]["countNumber"] == 30


def test_production_restores_the_database_every_week(production: Graph, staging: Graph) -> None:
    drill = production.one("backup-drill").inputs
    assert drill["scheduleExpression"] == "cron(0 8 ? * MON *)"
    assert production.one("backup-drill-database").inputs["protectedResourceType"] == "RDS"
    assert production.one("backup-plan").inputs["rules"][0]["lifecycle"]["deleteAfter"] == 35
    assert not staging.of("restoreTestingPlan:RestoreTestingPlan")


def test_the_trail_is_multi_region_validated_and_encrypted(production: Graph, staging: Graph) -> None:
    trail = production.one("monitoring-trail").inputs
    assert trail["isMultiRegionTrail"]
    assert trail["enableLogFileValidation"]
    assert trail["kmsKeyId"]
    assert not staging.of("cloudtrail/trail:Trail")


def test_the_account_has_its_oidc_provider_once() -> None:
    made = record("staging", delivery__repository="acme/shop")
    adopted = record("staging", delivery__repository="acme/shop", delivery__oidc_provider="adopt")
    assert len(made.of("openIdConnectProvider:OpenIdConnectProvider")) == 1
    assert not adopted.of("openIdConnectProvider:OpenIdConnectProvider")


def test_the_budget_warns_at_four_fifths_and_at_the_forecast(production: Graph) -> None:
    budget = production.one("budget-monthly").inputs
    assert budget["limitAmount"] == "2500"
    assert {(item["notificationType"], item["threshold"]) for item in budget["notifications"]} == {
        ("ACTUAL", 80), ("FORECASTED", 100),
    }  # fmt: skip
