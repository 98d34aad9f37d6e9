"""Database: PostgreSQL and, in front of it, PgBouncer; or MariaDB by itself. All on the data network only."""

from dataclasses import dataclass

import pulumi

from stacks.local.configuration import mariadb, pooler, postgres
from stacks.local.containers import UIDS, Attachment, Mount, Service, run, volume
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.providers.volume_files import CONFIGURATION_PATH, SECRETS_PATH, VolumeFiles
from stacks.local.secrets import Secrets
from stacks.settings import DatabaseEngine, Settings

POOLER_CPUS = 1.0
POOLER_MEMORY_MB = 64
# A crash's write-ahead log is replayed before it answers.
START_SECONDS = 120


@dataclass(frozen=True)
class DatabaseArgs:
    images: Images
    network: Network
    secrets: Secrets


class Database(pulumi.ComponentResource):
    """The ids of its containers, and its addresses. The data volume stays when the stack goes."""

    container: pulumi.Output[str]
    pooler: pulumi.Output[str] | None

    def __init__(
        self, name: str, args: DatabaseArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Database", name, None, opts)
        self.child = pulumi.ResourceOptions(parent=self)
        self.postgres = settings.database.engine is DatabaseEngine.POSTGRES
        self.container = self.database(name, args, settings)
        self.pooler = self.pool(name, args, settings) if self.postgres else None
        self.register_outputs({"container": self.container, "pooler": self.pooler})

    def database(self, name: str, args: DatabaseArgs, settings: Settings) -> pulumi.Output[str]:
        configuration = volume(f"{name}-database-configuration", "database", settings, self.child)
        secrets = volume(f"{name}-database-secrets", "database", settings, self.child)
        # A volume for each engine: going back to the other finds its data as it was left.
        of = "data" if self.postgres else "mysql-data"
        data = volume(f"{name}-database-{of}", "database", settings, self.child, keep=True)
        database = settings.database
        files = VolumeFiles(
            f"{name}-database-files",
            stack=settings.stack,
            role="database",
            image=args.images.database,
            uid=UIDS["database"],
            configuration=self.configuration(args, settings),
            configuration_volume=configuration.name,
            secrets={
                "migrator_password": args.secrets.database_migrator,
                "store_password": args.secrets.database_store,
            },
            secrets_volume=secrets.name,
            opts=self.child,
        )
        service = Service(
            role="database",
            image=args.images.database,
            cpus=database.cpus,
            memory_mb=database.memory_mb,
            attachments=(Attachment(args.network.data, ("database",), args.network.plan.database_address),),
            mounts=(
                Mount(configuration.name, CONFIGURATION_PATH),
                Mount(secrets.name, SECRETS_PATH),
                Mount(data.name, f"/var/lib/{'postgresql' if self.postgres else 'mysql'}", read_only=False),
            ),
            start_seconds=START_SECONDS,
            # A checkpoint is written first; a kill would only cost the next start a replay.
            grace_seconds=60,
            shm_mb=max(256, database.memory_mb // 2),
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=[files, args.images])
        return run(f"{name}-database", service, settings, opts).id

    def configuration(self, args: DatabaseArgs, settings: Settings) -> dict[str, str]:
        database = settings.database
        if not self.postgres:
            return mariadb.render(
                mariadb.DatabaseConfiguration(
                    memory_mb=database.memory_mb,
                    connections=database.connections,
                    slow_query_ms=database.slow_query_ms,
                )
            )
        return postgres.render(
            postgres.DatabaseConfiguration(
                subnet=str(args.network.plan.data),
                memory_mb=database.memory_mb,
                cpus=database.cpus,
                connections=database.connections,
                slow_query_ms=database.slow_query_ms,
            )
        )

    def addresses(self, role: str) -> dict[str, pulumi.Input[str]]:
        """The contract's variables: through the pooler where there is one, and straight, as `role`."""
        if not self.postgres:
            return {
                "DATABASE_URL": "mysql://store@database:3306/store",
                "DATABASE_DIRECT_URL": f"mysql://{role}@database:3306/store",
            }
        return {
            "DATABASE_URL": "postgresql://store@pooler:6432/store",
            "DATABASE_DIRECT_URL": f"postgresql://{role}@database:5432/store",
        }

    def pool(self, name: str, args: DatabaseArgs, settings: Settings) -> pulumi.Output[str]:
        configuration = volume(f"{name}-pooler-configuration", "pooler", settings, self.child)
        secrets = volume(f"{name}-pooler-secrets", "pooler", settings, self.child)
        files = VolumeFiles(
            f"{name}-pooler-files",
            stack=settings.stack,
            role="pooler",
            image=args.images.pooler,
            uid=UIDS["pooler"],
            configuration=pooler.render(
                pooler.PoolerConfiguration(
                    database=args.network.plan.database_address,
                    pool_size=settings.database.pool_size,
                    clients=settings.database.pool_clients,
                )
            ),
            configuration_volume=configuration.name,
            secrets=pulumi.Output.secret(
                args.secrets.database_store.apply(lambda password: pooler.render_secrets({"store": password}))
            ),
            secrets_volume=secrets.name,
            opts=self.child,
        )
        service = Service(
            role="pooler",
            image=args.images.pooler,
            cpus=POOLER_CPUS,
            memory_mb=POOLER_MEMORY_MB,
            attachments=(Attachment(args.network.data, ("pooler",)),),
            mounts=(Mount(configuration.name, CONFIGURATION_PATH), Mount(secrets.name, SECRETS_PATH)),
        )
        opts = pulumi.ResourceOptions(parent=self, depends_on=[files, args.images])
        return run(f"{name}-pooler", service, settings, opts).id
