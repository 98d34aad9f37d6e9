"""Every key of the AWS target in one table: its kind, its unit, and what staging and production start from.

Staging is the same graph with one zone's worth of redundancy and nothing protected; production keeps data in
two places, refuses to lose it, and keeps the records that an audit asks for. Whatever differs is on one line
here. `REQUIRED` means that there is no sensible default, `None` that the feature is off until a value is
given.
"""

# ruff: noqa: E501 - the table reads one setting a line

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

REQUIRED: Final = object()


@dataclass(frozen=True)
class Key:
    """One setting: `kind` names its parser in `values.py`; `least` and `most` bound numbers, in `unit`."""

    kind: str
    staging: Any
    production: Any
    why: str
    least: float | None = None
    most: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()


def same(kind: str, default: Any, why: str, **limits: Any) -> Key:
    """Return a key that both profiles start from the same value."""
    return Key(kind, default, default, why, **limits)


FARGATE_CPU: Final = ("256", "512", "1024", "2048", "4096", "8192", "16384")

# One line per setting reads as a table.
# fmt: off
KEYS: Final[dict[str, Key]] = {
    # -- who pays, who answers --------------------------------------------------------------------------------------
    "storestack:owner": same("text", REQUIRED, "the team that answers for the environment; a tag on everything"),
    "storestack:cost_centre": same("text", REQUIRED, "where the bill goes; a tag on everything"),
    "storestack:protect": Key("flag", False, True, "refuse to delete or replace what holds data"),
    "storestack:region": same("region", REQUIRED, "taken from `aws:region` when not given"),
    # -- network ----------------------------------------------------------------------------------------------------
    "network:cidr": same("cidr", "10.20.0.0/16", "65,000 addresses: room for two more tiers"),
    "network:zones": Key("zones", 2, 3, "two survive the loss of one; three keep two thirds of the capacity"),
    "network:nat": Key("choice", "one", "per_zone", "a NAT gateway is 30-40 USD a month; one is one zone's risk",
                       choices=("one", "per_zone")),
    "network:endpoints": Key("services", (), ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "kms"),
                             "interface endpoints keep these calls off the NAT; the S3 gateway is always made"),
    "network:flow_log_days": Key("days", 30, 365, "who talked to whom; a year is what PCI DSS 10.5.1 asks"),
    "network:vpc_id": same("id", None, "use this VPC instead of making one"),
    "network:app_subnet_ids": same("ids", (), "with vpc_id: private subnets with a way out, one per zone"),
    "network:data_subnet_ids": same("ids", (), "with vpc_id: private subnets without a way out, one per zone"),
    # -- firewall ---------------------------------------------------------------------------------------------------
    "firewall:rate_limit": same("number", 2000, "a shopper needs 300; a scraper wants 20,000",
                                least=100, most=2_000_000_000, unit="requests in 5 minutes from one address"),
    "firewall:back_office_allow": same("cidrs", (), "who reaches the back office; empty lets nobody in"),
    "firewall:logs": same("flag", True, "what the web ACLs blocked, and why"),
    "firewall:log_days": Key("days", 30, 365, "as long as the flow logs"),
    # -- certificates -----------------------------------------------------------------------------------------------
    "certificates:domain": same("domain", REQUIRED, "the shop's host name; the back office is back-office.<domain>"),
    "certificates:zone_id": same("id", None, "the Route 53 hosted zone that answers for the domain"),
    "certificates:create_zone": same("flag", False, "make the hosted zone; its name servers are an output"),
    "certificates:edge_arn": same("certificate", None, "an issued certificate for CloudFront, in us-east-1"),
    "certificates:balancer_arn": same("certificate", None, "an issued certificate for the balancer, in its region"),
    # -- edge -------------------------------------------------------------------------------------------------------
    "edge:price_class": Key("choice", "PriceClass_100", "PriceClass_All", "where CloudFront answers from",
                            choices=("PriceClass_100", "PriceClass_200", "PriceClass_All")),
    "edge:logs": same("flag", True, "one line per request, in the logs bucket"),
    # -- balancer ---------------------------------------------------------------------------------------------------
    "balancer:idle_timeout": same("number", 60, "above CloudFront's 30 s read timeout", least=1, most=4000, unit="s"),
    "balancer:drain": same("number", 30, "a request may take this long once its task is told to go",
                           least=5, most=110, unit="s"),
    "balancer:slow_start": same("number", 30, "a cold task gets its share little by little", least=30, most=900,
                                unit="s"),
    "balancer:logs": same("flag", True, "one line per request, in the logs bucket"),
    # -- store ------------------------------------------------------------------------------------------------------
    "store:compute": same("choice", "containers", "`none` makes all but the store: the first `up`, before any image",
                          choices=("containers", "lambda", "none")),
    "store:image": same("image", None, "what serves; the release owns it, pinned by digest"),
    "store:release_image": same("image", None, "what migrates; the same as store:image unless a release is under way"),
    "store:bundled": same("flag", True, "the image is the kit's own store (PostgreSQL and Redis only)"),
    "store:architecture": same("choice", "x86_64", "what the image was built for", choices=("x86_64", "arm64")),
    "store:deployment": same("choice", "rolling", "how ECS brings in a new version",
                             choices=("rolling", "blue_green", "canary", "linear")),
    "store:bake_minutes": same("number", 5, "both versions are kept this long after the switch", least=1, most=1440,
                               unit="minutes"),
    "store:web_cpu": Key("choice", "512", "1024", "1024 is one vCPU", choices=FARGATE_CPU),
    "store:web_memory": Key("number", 1024, 2048, "two per vCPU", least=512, most=122_880, unit="MiB"),
    "store:web_minimum": Key("number", 1, 2, "two, so that one may die", least=1, most=500, unit="tasks"),
    "store:web_maximum": Key("number", 4, 20, "a bound on the bill", least=1, most=1000, unit="tasks"),
    "store:worker_cpu": same("choice", "512", "jobs wait for the network, not the CPU", choices=FARGATE_CPU),
    "store:worker_memory": same("number", 1024, "two per vCPU", least=512, most=122_880, unit="MiB"),
    "store:worker_minimum": Key("number", 1, 2, "two, so that one may die", least=1, most=100, unit="tasks"),
    "store:worker_maximum": Key("number", 2, 6, "a bound on the bill", least=1, most=200, unit="tasks"),
    "store:spot_percent": Key("number", 50, 0, "share of web and worker tasks above the minimum on Fargate Spot",
                              least=0, most=100, unit="%"),
    "store:autoscaling": same("flag", True, "off: the minimum runs, whatever the load"),
    "store:cpu_target": same("number", 55, "room for one zone to take the load of the other", least=10, most=90,
                             unit="% of the tasks' CPU"),
    "store:requests_per_target": same("number", 1500, "replace by what the load tests measured", least=10,
                                      most=100_000, unit="requests a minute and task"),
    "store:stop_timeout": same("number", 120, "Fargate's most; a checkout must be able to end", least=30, most=120,
                               unit="s"),
    "store:log_days": Key("days", 30, 365, "what the containers print"),
    "store:sales": same("sales", (), "planned sales: more web and worker tasks from before they begin"),
    "store:sale_lead": same("number", 15, "capacity is up this long before a sale begins", least=0, most=240,
                            unit="minutes"),
    "store:jobs": same("jobs", (), "scheduled one-off tasks of the worker's image"),
    "store:payment_gateway": same("choice", "test", "test moves no money: it is the kit's own, at store:gateway_url",
                                  choices=("test", "stripe")),
    "store:payment_capture": same("choice", "order", "when money is taken; shipment: authorized with the order",
                                  choices=("order", "shipment")),
    "store:gateway_url": same("url", None, "the test gateway's API"),
    "store:stripe_key": same("secret", None, "set it with `--secret`; sk_… or rk_…"),
    "store:stripe_webhook_key": same("secret", None, "set it with `--secret`; whsec_…, of /api/v1/webhooks/stripe"),
    "store:carrier": same("choice", "none", "who sells labels and tracks parcels; none: table rates, typed by hand",
                          choices=("none", "easypost")),
    "store:carrier_key": same("secret", None, "set it with `--secret`"),
    "store:carrier_webhook_key": same("secret", None, "set it with `--secret`, and give the carrier the same"),
    "store:smtp_url": same("smtp", None, "the relay for mails: SES's SMTP endpoint, or any other"),
    "store:smtp_password": same("secret", None, "set it with `--secret`"),
    "store:mail_from": same("sender", None, "who mails are from; unset: store@ the shop's domain"),
    "store:lambda_memory": Key("number", 1024, 1769, "1769 MiB is one vCPU", least=512, most=10_240, unit="MiB"),
    "store:lambda_concurrency": Key("number", 20, 200, "more would open more connections than the database takes",
                                    least=1, most=1000, unit="requests at once"),
    # -- database ---------------------------------------------------------------------------------------------------
    "database:engine": same("choice", "postgres", "the bundled store needs postgres", choices=("postgres", "mysql")),
    "database:version": same("version", None, "17 for postgres, 8.4 for mysql"),
    "database:instance_class": Key("instance", "db.t4g.small", "db.m7g.large", "ARM: the same work for a fifth less"),
    "database:storage": Key("number", 20, 100, "gp3", least=20, most=65_536, unit="GiB"),
    "database:storage_most": Key("number", 100, 1000, "it grows by itself up to here", least=22, most=65_536,
                                 unit="GiB"),
    "database:multi_az": Key("flag", False, True, "a standby in another zone; failover in about a minute"),
    "database:replicas": same("number", 0, "read replicas", least=0, most=5, unit="instances"),
    "database:proxy": Key("flag", False, True, "RDS Proxy: keeps connections through a failover"),
    "database:backup_days": Key("number", 7, 35, "point-in-time recovery reaches back this far", least=7, most=35,
                                unit="days"),
    "database:log_days": Key("days", 30, 365, "server and slow-query log"),
    "database:slow_query": same("number", 500, "a query slower than this is logged", least=10, most=60_000, unit="ms"),
    "database:snapshot_id": same("id", None, "begin from this snapshot"),
    # -- cache ------------------------------------------------------------------------------------------------------
    "cache:engine": same("choice", "redis", "the bundled store needs redis or valkey",
                         choices=("redis", "valkey", "memcached")),
    "cache:node_type": Key("node", "cache.t4g.micro", "cache.m7g.large", "ARM: the same work for a fifth less"),
    "cache:nodes": Key("number", 1, 2, "the second takes over when the first dies", least=1, most=6, unit="nodes"),
    "cache:eviction": same("choice", "noeviction", "carts and sessions live here; a pure cache may evict",
                           choices=("noeviction", "allkeys-lru", "allkeys-lfu", "volatile-lru")),
    "cache:snapshot_days": Key("number", 1, 7, "a copy a day", least=0, most=35, unit="days"),
    # -- further engines --------------------------------------------------------------------------------------------
    "documents:enabled": same("flag", False, "Amazon DocumentDB (the MongoDB API)"),
    "documents:instance_class": Key("instance", "db.t4g.medium", "db.r6g.large", "the smallest that production carries"),
    "documents:instances": Key("number", 1, 2, "the second takes over when the first dies", least=1, most=15,
                               unit="instances"),
    "documents:backup_days": Key("number", 7, 35, "point-in-time recovery reaches back this far", least=7, most=35,
                                 unit="days"),
    "wide_column:enabled": same("flag", False, "Amazon Keyspaces (the Cassandra API): the keyspace"),
    "key_value:tables": same("tables", (), "DynamoDB tables"),
    # -- storage, secrets, registry ---------------------------------------------------------------------------------
    "storage:log_days": Key("days", 90, 400, "request logs; three months at hand, a year kept (PCI DSS 10.5.1)"),
    "storage:old_version_days": Key("days", 7, 90, "a media file deleted by mistake can be had back this long"),
    "secrets:recovery_days": Key("number", 7, 30, "a deleted secret or key can be had back this long", least=7,
                                 most=30, unit="days"),
    "secrets:own_keys": Key("flag", False, True, "the stack's own KMS key also where AWS's free one would do"),
    "registry:keep": same("number", 30, "images kept for rollback", least=2, most=1000, unit="images"),
    # -- monitoring, backup, delivery, budget -----------------------------------------------------------------------
    "monitoring:email": same("email", REQUIRED, "who is told when an alarm goes off"),
    "monitoring:runbooks": same("text", "docs/aws/runbooks",
                                "where each alarm's runbook is read: a path or an address"),
    "monitoring:trail": Key("choice", "adopt", "make", "the account's CloudTrail: make it here, or it is there",
                            choices=("make", "adopt")),
    "monitoring:guardduty": same("choice", "adopt", "the account's GuardDuty: make it here, or it is there",
                                 choices=("make", "adopt")),
    "backup:days": Key("number", 14, 35, "daily copies in the vault, apart from the database's own", least=7,
                       most=3650, unit="days"),
    "backup:restore_test": Key("flag", False, True, "a weekly restore, made and thrown away by AWS Backup"),
    "delivery:repository": same("repository", None, "owner/name on GitHub that may plan and apply"),
    "delivery:oidc_provider": same("choice", "make", "the account's GitHub OIDC provider", choices=("make", "adopt")),
    # -- load generator ---------------------------------------------------------------------------------------------
    "loadgen:image": same("image", None, "the kit's target `loadgen`, pinned by digest; nothing is made without it"),
    "loadgen:workers": same("number", 2, "tasks that a run's master waits for", least=1, most=100, unit="tasks"),
    "loadgen:cpu": same("choice", "1024", "a worker process for each whole vCPU", choices=FARGATE_CPU),
    "loadgen:memory": same("number", 2048, "two per vCPU", least=512, most=122_880, unit="MiB"),
    "loadgen:cidr": same("cidr", "10.99.0.0/20", "a VPC of its own, never peered with the store's"),
    "budget:monthly": Key("number", 400, 2500, "a warning at 80 % and at the forecast of 100 %", least=1,
                          most=10_000_000, unit="USD"),
}
# fmt: on
