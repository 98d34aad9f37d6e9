"""One environment, from its network to its dashboard, in the order of the picture in the design."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from stacks.aws import access
from stacks.aws import alarms as alarms_of
from stacks.aws.backup import Backup
from stacks.aws.balancer import Balancer
from stacks.aws.budget import Budget
from stacks.aws.cache import PORTS as CACHE_PORTS
from stacks.aws.cache import Cache
from stacks.aws.certificates import Certificates
from stacks.aws.context import Context, make_provider
from stacks.aws.contract import digest_of
from stacks.aws.database import PORTS as DATABASE_PORTS
from stacks.aws.database import Database
from stacks.aws.delivery import Delivery
from stacks.aws.documents import PORT as DOCUMENTS_PORT
from stacks.aws.documents import Documents
from stacks.aws.edge import Edge
from stacks.aws.firewall import Firewall
from stacks.aws.functions import Functions
from stacks.aws.key_value import KeyValue
from stacks.aws.loadgen import Loadgen
from stacks.aws.monitoring import Alerts, Monitoring
from stacks.aws.network import Network
from stacks.aws.preflight import inspect
from stacks.aws.registry import Registry
from stacks.aws.secrets import Secrets
from stacks.aws.settings import AwsSettings
from stacks.aws.storage import Storage
from stacks.aws.store import Dependencies, Store
from stacks.aws.wide_column import PORT as WIDE_COLUMN_PORT
from stacks.aws.wide_column import WideColumn


def deploy(settings: AwsSettings) -> Mapping[str, Any]:
    """Make the environment and return its outputs: stable names, never a plain secret."""
    provider = make_provider(settings)
    account = inspect(settings, provider)
    context = Context(
        settings.stack, settings.region, account.number, settings.profile == "production", settings.protect
    )
    root = pulumi.ComponentResource(
        "storestack:aws:Environment", context.prefix, None, pulumi.ResourceOptions(providers=[provider])
    )
    under = pulumi.ResourceOptions(parent=root)
    certificates_args = settings.certificates
    hosts = [certificates_args.domain, certificates_args.back_office_domain]

    secrets = Secrets("secrets", settings.secrets, context, settings.store.given, under)
    network = Network("network", settings.network, context, secrets.key_arn, under)
    firewall = Firewall(
        "firewall",
        settings.firewall,
        context,
        vpc_id=network.vpc_id,
        cdn_prefix_list=account.cdn_prefix_list,
        data_ports=_data_ports(settings),
        edge_key_arn=secrets.edge_key_arn,
        opts=under,
    )
    certificates = Certificates("certificates", certificates_args, context, under)
    storage = Storage("storage", settings.storage, context, secrets.key_arn, under)
    registry = Registry("registry", settings.registry, context, secrets.key_arn, under)
    alerts = Alerts(
        "alerts",
        settings.monitoring,
        context,
        key_arn=secrets.key_arn,
        edge_key_arn=secrets.edge_key_arn,
        opts=under,
    )
    balancer = Balancer(
        "balancer",
        settings.balancer,
        context,
        vpc_id=network.vpc_id,
        subnet_ids=network.app_subnet_ids,
        group_id=firewall.group_id("balancer"),
        certificate_arn=certificates.balancer_arn,
        hosts=hosts,
        target="lambda" if settings.store.compute == "lambda" else "ip",
        switching=settings.store.deployment != "rolling",
        logs_bucket=storage.logs_name,
        logs_ready=storage.logs_ready,
        opts=under,
    )
    edge = Edge(
        "edge",
        settings.edge,
        context,
        domain=hosts[0],
        back_office_domain=hosts[1],
        zone_id=certificates.zone_id,
        certificate_arn=certificates.edge_arn,
        balancer_arn=balancer.arn,
        balancer_dns=balancer.dns_name,
        shop_acl_arn=firewall.shop_acl.arn,
        back_office_acl_arn=firewall.back_office_acl.arn,
        media_domain=storage.media.bucket_regional_domain_name,
        logs_bucket=storage.logs_name,
        opts=under,
    )
    storage.allow_reading([edge.shop.arn])
    database = Database(
        "database",
        settings.database,
        context,
        subnet_ids=network.data_subnet_ids,
        group_id=firewall.group_id("database"),
        pooler_group_id=firewall.group_id("pooler") if settings.database.proxy else None,
        key_arn=secrets.key_arn,
        insights_key_arn=secrets.key_arn if settings.secrets.own_keys else None,
        store_secret_arn=secrets.arns["database-store"],
        opts=under,
    )
    cache = Cache(
        "cache",
        settings.cache,
        context,
        subnet_ids=network.data_subnet_ids,
        group_id=firewall.group_id("cache"),
        key_arn=secrets.key_arn,
        own_key=settings.secrets.own_keys,
        password=secrets.values["cache"],
        log_days=settings.database.log_days,
        opts=under,
    )
    alarms = _watch(settings, context, edge, database, cache)
    released = {
        alarm.name: alerts.make_alarm(alarm, balancer)
        for alarm in alarms_of.release_alarms(
            balancer.dimension,
            {
                color: group.arn_suffix
                for color, group in zip(("blue", "green"), balancer.target_groups, strict=False)
            },
        )
    }
    outputs: dict[str, Any] = {
        "url": f"https://{hosts[0]}",
        "back_office_url": f"https://{hosts[1]}",
        "image_repository": registry.url,
        "region": settings.region,
    }
    needs = _needs(secrets, network, firewall, storage, database=database, cache=cache)
    copied: dict[str, pulumi.Input[str]] = {"database": database.primary.arn, "media": storage.media.arn}
    copied |= _add_engines(settings, context, network, firewall, secrets=secrets, needs=needs, under=under)
    if settings.store.compute == "lambda":
        Functions("functions", settings, context, needs=needs, balancer=balancer, opts=under)
    if settings.store.compute != "none":
        store = Store(
            "store",
            settings,
            context,
            needs=needs,
            balancer=balancer,
            release_alarms=[context.name(name, 255) for name in released],
            serves=settings.store.compute == "containers",
            opts=pulumi.ResourceOptions(parent=root, depends_on=list(released.values())),
        )
        alarms += alarms_of.store_alarms(store.cluster, store.services, store.minimums)
        outputs |= {
            "image": settings.store.image,
            "version": digest_of(settings.store.image or "").removeprefix("sha256:")[:12],
            "release_task": store.release_task,
            "worker_task": store.worker_task,
            "cluster": store.cluster,
            # As `aws ecs run-task --network-configuration` takes it.
            "release_network": pulumi.Output.json_dumps(
                {
                    "awsvpcConfiguration": {
                        "subnets": network.app_subnet_ids,
                        "securityGroups": [firewall.group_id("app")],
                        "assignPublicIp": "DISABLED",
                    }
                }
            ),
        }
    backup = Backup(
        "backup",
        settings.backup,
        context,
        resources=copied,
        database_arn=database.primary.arn,
        database_subnets=context.name("database"),
        key_arn=secrets.key_arn,
        opts=under,
    )
    alarms += alarms_of.backup_alarms(backup.vault)
    watch = Monitoring(
        "monitoring",
        settings.monitoring,
        context,
        alerts=alerts,
        alarms=alarms,
        key_arn=secrets.key_arn,
        logs_bucket=storage.logs_name,
        logs_ready=storage.logs_ready,
        opts=under,
    )
    outputs["dashboard_url"] = watch.dashboard_url
    if settings.delivery.repository:
        delivery = Delivery("delivery", settings.delivery, context, under)
        outputs |= {"plan_role": delivery.plan_role, "apply_role": delivery.apply_role}
    if settings.loadgen.image:
        loadgen = Loadgen(
            "loadgen",
            settings.loadgen,
            context,
            network=settings.network,
            store=settings.store,
            domain=hosts[0],
            storage=storage,
            key_arn=secrets.key_arn,
            opts=under,
        )
        outputs |= {
            "loadgen_cluster": loadgen.cluster,
            "loadgen_tasks": loadgen.tasks,
            "loadgen_network": loadgen.network,
            "loadgen_reports": loadgen.reports,
        }
    Budget("budget", settings.budget, context, email=settings.monitoring.email, opts=under)
    if certificates.name_servers is not None:
        outputs["name_servers"] = certificates.name_servers
    return outputs


def _data_ports(settings: AwsSettings) -> dict[str, int]:
    """Return the data tiers and their ports; the pooler only where it is made."""
    port = DATABASE_PORTS[settings.database.engine]
    pooler = {"pooler": port} if settings.database.proxy else {}
    documents = {"documents": DOCUMENTS_PORT} if settings.documents.enabled else {}
    wide_column = {"wide-column": WIDE_COLUMN_PORT} if settings.wide_column.enabled else {}
    return {
        **pooler,
        "database": port,
        "cache": CACHE_PORTS[settings.cache.engine],
        **documents,
        **wide_column,
    }


def _needs(
    secrets: Secrets,
    network: Network,
    firewall: Firewall,
    storage: Storage,
    *,
    database: Database,
    cache: Cache,
) -> Dependencies:
    urls: dict[str, pulumi.Input[str]] = {
        "DATABASE_URL": database.url,
        "DATABASE_DIRECT_URL": database.direct_url,
        "CACHE_URL": cache.url,
    }
    if database.replica_url is not None:
        urls["DATABASE_REPLICA_URL"] = database.replica_url
    return Dependencies(
        subnet_ids=network.app_subnet_ids,
        group_id=firewall.group_id("app"),
        secrets=secrets,
        media_bucket=storage.media_name,
        plain={"MEDIA_BUCKET": storage.media_name},
        urls=urls,
        release_urls={
            "DATABASE_MIGRATOR_URL": database.migrator_url,
            "DATABASE_MASTER_SECRET_ARN": database.master_secret_arn,
        },
        master_secret_arn=database.master_secret_arn,
        statements=[],
    )


def _add_engines(
    settings: AwsSettings,
    context: Context,
    network: Network,
    firewall: Firewall,
    *,
    secrets: Secrets,
    needs: Dependencies,
    under: pulumi.ResourceOptions,
) -> dict[str, pulumi.Input[str]]:
    """Make the engines asked for, wire them to the store, and return what backups copy of them."""
    copied: dict[str, pulumi.Input[str]] = {}
    if settings.documents.enabled:
        documents = Documents(
            "documents",
            settings.documents,
            context,
            subnet_ids=network.data_subnet_ids,
            group_id=firewall.group_id("documents"),
            key_arn=secrets.key_arn,
            log_days=settings.database.log_days,
            opts=under,
        )
        needs.urls["DOCUMENTS_URL"] = documents.url
        needs.urls["DOCUMENTS_SECRET_ARN"] = documents.secret_arn
        needs.statements.append(access.allow(["secretsmanager:GetSecretValue"], [documents.secret_arn]))
        copied["documents"] = documents.cluster.arn
    if settings.wide_column.enabled:
        wide_column = WideColumn(
            "wide-column",
            context,
            vpc_id=network.vpc_id,
            subnet_ids=network.data_subnet_ids,
            group_id=firewall.group_id("wide-column"),
            opts=under,
        )
        needs.plain["WIDE_COLUMN_URL"] = wide_column.url
        needs.statements.extend(wide_column.statements)
    if settings.key_value.tables:
        key_value = KeyValue("key-value", settings.key_value, context, key_arn=secrets.key_arn, opts=under)
        needs.plain["KEY_VALUE_PREFIX"] = key_value.prefix
        needs.statements.extend(key_value.statements)
        copied |= {f"table-{table}": arn for table, arn in key_value.arns.items()}
    return copied


def _watch(
    settings: AwsSettings,
    context: Context,
    edge: Edge,
    database: Database,
    cache: Cache,
) -> list[alarms_of.Alarm]:
    proxy = context.name("proxy") if settings.database.proxy else None
    return [
        *alarms_of.edge_alarms(
            {"shop": edge.shop.id, "back-office": edge.back_office.id},
            {part: context.name(part) for part in ("shop", "back-office")},
        ),
        *alarms_of.database_alarms(database.identifiers, settings.database.storage, proxy),
        *alarms_of.cache_alarms(settings.cache.engine, cache.node_ids),
    ]
