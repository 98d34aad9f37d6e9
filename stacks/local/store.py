"""Store: the release step, the web containers, their admission to the balancer, and the workers.

The order is the promise: migrations from the new image first; then new web containers, which start outside
the balancer; then, when each has passed its smoke test, the balancer's list; then workers. What is replaced
is removed by the engine at the end of the update. A step that fails stops what comes after it, so the version
before it serves on.
"""

from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_docker as docker

from stacks.local.balancer import Balancer
from stacks.local.cache import Cache
from stacks.local.configuration import haproxy
from stacks.local.containers import UIDS, Attachment, Mount, Service, run, volume
from stacks.local.database import Database
from stacks.local.gateway import PORT as GATEWAY_PORT
from stacks.local.gateway import Gateway
from stacks.local.images import Images
from stacks.local.mail import PORT as MAIL_PORT
from stacks.local.mail import SMTP_PORT
from stacks.local.network import Network
from stacks.local.providers.admission import Admission
from stacks.local.providers.one_shot import OneShot
from stacks.local.providers.volume_files import SECRETS_PATH, VolumeFiles
from stacks.local.secrets import Secrets
from stacks.local.storage import MEDIA_PATH
from stacks.settings import Settings
from stacks.settings.choices import Carrier, PaymentGateway

RELEASE_MEMORY_MB: Final = 512


@dataclass(frozen=True)
class StoreArgs:
    images: Images
    network: Network
    secrets: Secrets
    database: Database
    cache: Cache
    gateway: Gateway
    balancer: Balancer
    media: pulumi.Input[str]


class Store(pulumi.ComponentResource):
    """The names of the web containers that take traffic."""

    servers: list[pulumi.Output[str]]

    def __init__(
        self, name: str, args: StoreArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Store", name, None, opts)
        self.args, self.settings = args, settings
        # A foreign image brings a check of its own, or the smoke test alone decides.
        own = ("health",) if settings.store.is_bundled else None
        self.health = settings.store.health_command or own
        self.child = pulumi.ResourceOptions(parent=self)
        secrets, files = self.secret_files(name, "store", args.secrets.database_store)
        self.common: tuple[pulumi.Resource, ...] = (files, args.database, args.cache)
        released = self.release(name)
        web = self.web(name, secrets, released)
        admission = self.admission(name, web)
        self.workers(name, secrets, admission)
        self.servers = [container.name for container in web]
        self.register_outputs({"servers": self.servers})

    def secret_files(
        self, name: str, consumer: str, database_password: pulumi.Output[str]
    ) -> tuple[docker.Volume, VolumeFiles]:
        """The contract's secrets for one kind of consumer, in a volume of its own."""
        held = volume(f"{name}-{consumer}-secrets", consumer, self.settings, self.child)
        secrets = self.args.secrets
        files = VolumeFiles(
            f"{name}-{consumer}-files",
            stack=self.settings.stack,
            role=consumer,
            # Only writes files, so any image will do; a foreign store's may have no shell.
            image=self.args.images.balancer,
            uid=UIDS["web"],
            secrets={
                "database_password": database_password,
                "cache_password": secrets.cache_store,
                "session_key": secrets.session_key,
                "gateway_key": secrets.gateway_key,
                "gateway_webhook_key": secrets.gateway_webhook_key,
                **self.carrier_secrets(),
                **self.stripe_secrets(),
                **self.mail_secrets(),
            },
            secrets_volume=held.name,
            validate=False,
            opts=self.child,
        )
        return held, files

    def carrier_secrets(self) -> dict[str, pulumi.Output[str]]:
        """The carrier's keys, from the stack's configuration; none without a carrier."""
        store = self.settings.store
        given = {"carrier_key": store.carrier_key, "carrier_webhook_key": store.carrier_webhook_key}
        if store.carrier is Carrier.NONE:
            return {}
        return {name: pulumi.Output.secret(value) for name, value in given.items() if value}

    def stripe_secrets(self) -> dict[str, pulumi.Output[str]]:
        """Stripe's keys, from the stack's configuration; none with another gateway."""
        store = self.settings.store
        given = {"stripe_key": store.stripe_key, "stripe_webhook_key": store.stripe_webhook_key}
        if store.payment_gateway is not PaymentGateway.STRIPE:
            return {}
        return {name: pulumi.Output.secret(value) for name, value in given.items() if value}

    def mail_secrets(self) -> dict[str, pulumi.Output[str]]:
        """The mail relay's password, from the stack's configuration."""
        password = self.settings.store.smtp_password
        return {"smtp_password": pulumi.Output.secret(password)} if password else {}

    def mail_environment(self) -> dict[str, pulumi.Input[str]]:
        """The relay that the settings name, or the stack's own sink and where its mails are read."""
        store = self.settings.store
        sink = {"SMTP_URL": f"smtp://mail:{SMTP_PORT}", "MAIL_SINK_URL": f"http://mail:{MAIL_PORT}"}
        return {
            **({"SMTP_URL": store.smtp_url} if store.smtp_url else sink),
            "MAIL_FROM": store.mail_from,
            **{f"{name.upper()}_FILE": f"{SECRETS_PATH}/{name}" for name in self.mail_secrets()},
        }

    def environment(self, role: str = "store") -> dict[str, pulumi.Input[str]]:
        """The container contract: addresses, and where the secrets are. No secret is a value here."""
        url = self.settings.url
        return {
            "PORT": str(self.settings.store.port),
            "PUBLIC_URL": url,
            "BACK_OFFICE_URL": self.settings.back_office_url,
            "MEDIA_URL": f"{url}/media",
            "MEDIA_ROOT": MEDIA_PATH,
            **self.args.database.addresses(role),
            "CACHE_URL": self.args.cache.address,
            "GATEWAY_URL": f"http://gateway:{GATEWAY_PORT}",
            "DATABASE_PASSWORD_FILE": f"{SECRETS_PATH}/database_password",
            "CACHE_PASSWORD_FILE": f"{SECRETS_PATH}/cache_password",
            "SESSION_KEY_FILE": f"{SECRETS_PATH}/session_key",
            "GATEWAY_KEY_FILE": f"{SECRETS_PATH}/gateway_key",
            "GATEWAY_WEBHOOK_KEY_FILE": f"{SECRETS_PATH}/gateway_webhook_key",
            "PAYMENT_GATEWAY": self.settings.store.payment_gateway.value,
            "PAYMENT_CAPTURE": self.settings.store.payment_capture.value,
            **{f"{name.upper()}_FILE": f"{SECRETS_PATH}/{name}" for name in self.stripe_secrets()},
            "CARRIER": self.settings.store.carrier.value,
            **{f"{name.upper()}_FILE": f"{SECRETS_PATH}/{name}" for name in self.carrier_secrets()},
            **self.mail_environment(),
            "STORE_VERSION": self.args.images.version,
            "IMAGE_DIGEST": self.args.images.store,
        }

    def release(self, name: str) -> list[pulumi.Resource]:
        """Migrations from the new image and, for a first look, the sample catalogue. What web waits for."""
        settings, args = self.settings, self.args
        if not settings.store.release_command:
            return []
        secrets, files = self.secret_files(name, "release", args.secrets.database_migrator)

        def step(
            of: str, command: tuple[str, ...], triggers: list[pulumi.Input[str]], after: list[pulumi.Resource]
        ) -> OneShot:
            return OneShot(
                f"{name}-{of}",
                stack=settings.stack,
                step=of,
                image=args.images.store,
                command=command,
                environment=self.environment("migrator"),
                networks=[args.network.data, args.network.app],
                volumes={SECRETS_PATH: secrets.name, MEDIA_PATH: args.media},
                writable=[MEDIA_PATH],
                user=f"{UIDS['release']}:{UIDS['release']}",
                memory_mb=RELEASE_MEMORY_MB,
                seconds=settings.store.release_seconds,
                triggers=triggers,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[files, *self.common, *after]),
            )

        released = step("release", settings.store.release_command, [args.images.store], [])
        if not settings.store.sample_data:
            return [released]
        return [step("seed", settings.store.seed_command, ["1"], [released])]

    def web(
        self, name: str, secrets: docker.Volume, released: list[pulumi.Resource]
    ) -> list[docker.Container]:
        """New ones start beside the old ones; whether they are any good is for the admission to say."""
        store, network = self.settings.store, self.args.network
        service = Service(
            role="web",
            image=self.args.images.store,
            cpus=store.web_cpus,
            memory_mb=store.web_memory_mb,
            attachments=(Attachment(network.app), Attachment(network.data)),
            mounts=(Mount(secrets.name, SECRETS_PATH),),
            environment=self.environment(),
            health=self.health,
            grace_seconds=store.drain_seconds,
            exclusive=False,
            wait=False,
        )
        after = [*self.common, self.args.gateway, *released]
        return [
            run(
                f"{name}-web-{number}",
                service,
                self.settings,
                pulumi.ResourceOptions(parent=self, depends_on=after),
            )
            for number in range(1, store.web + 1)
        ]

    def admission(self, name: str, web: list[docker.Container]) -> Admission:
        store, balancer = self.settings.store, self.args.balancer

        def server_list(names: list[str]) -> dict[str, str]:
            servers = [haproxy.Server(name=server, address=server) for server in names]
            return haproxy.render_servers(balancer.configuration, servers, store.port)

        return Admission(
            f"{name}-admission",
            stack=self.settings.stack,
            servers=[container.name for container in web],
            files=pulumi.Output.all(*[container.name for container in web]).apply(server_list),
            volume=balancer.servers,
            balancer=balancer.container,
            image=self.args.images.balancer,
            uid=UIDS["balancer"],
            port=store.port,
            host=self.settings.edge.host,
            smoke_paths=store.smoke_paths,
            ready_seconds=store.ready_seconds,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*web]),
        )

    def workers(self, name: str, secrets: docker.Volume, admission: Admission) -> None:
        store, network = self.settings.store, self.args.network
        service = Service(
            role="worker",
            image=self.args.images.store,
            command=store.worker_command,
            cpus=store.worker_cpus,
            memory_mb=store.worker_memory_mb,
            attachments=(Attachment(network.app), Attachment(network.data)),
            mounts=(
                Mount(secrets.name, SECRETS_PATH),
                Mount(self.args.media, MEDIA_PATH, read_only=False),
            ),
            environment=self.environment(),
            health=self.health,
            # A job that was begun is finished, or given back.
            grace_seconds=store.drain_seconds,
            exclusive=False,
        )
        for number in range(1, store.workers + 1):
            opts = pulumi.ResourceOptions(parent=self, depends_on=[admission])
            run(f"{name}-worker-{number}", service, self.settings, opts)
