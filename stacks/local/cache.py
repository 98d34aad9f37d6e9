"""Cache: Redis for sessions, rate limits and fragments, on the data network only."""

from dataclasses import dataclass

import pulumi

from stacks.local.configuration import redis
from stacks.local.containers import UIDS, Attachment, Mount, Service, run, volume
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.providers.volume_files import CONFIGURATION_PATH, SECRETS_PATH, VolumeFiles
from stacks.local.secrets import Secrets
from stacks.settings import Settings


@dataclass(frozen=True)
class CacheArgs:
    images: Images
    network: Network
    secrets: Secrets


class Cache(pulumi.ComponentResource):
    """The container's id. Sessions outlive it: the data volume stays when the stack goes."""

    container: pulumi.Output[str]

    def __init__(
        self, name: str, args: CacheArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Cache", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        configuration = volume(f"{name}-cache-configuration", "cache", settings, child)
        secrets = volume(f"{name}-cache-secrets", "cache", settings, child)
        data = volume(f"{name}-cache-data", "cache", settings, child, keep=True)
        files = VolumeFiles(
            f"{name}-cache-files",
            stack=settings.stack,
            role="cache",
            image=args.images.cache,
            uid=UIDS["cache"],
            configuration=redis.render(redis.CacheConfiguration(memory_mb=settings.cache.memory_mb)),
            configuration_volume=configuration.name,
            secrets=pulumi.Output.all(args.secrets.cache_store, args.secrets.cache_admin).apply(
                lambda values: redis.render_secrets(*values)
            ),
            secrets_volume=secrets.name,
            opts=child,
        )
        container = run(
            f"{name}-cache",
            Service(
                role="cache",
                image=args.images.cache,
                cpus=settings.cache.cpus,
                memory_mb=settings.cache.memory_mb,
                attachments=(Attachment(args.network.data, ("cache",)),),
                mounts=(
                    Mount(configuration.name, CONFIGURATION_PATH),
                    Mount(secrets.name, SECRETS_PATH),
                    Mount(data.name, "/var/lib/redis", read_only=False),
                ),
            ),
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[files, args.images]),
        )
        self.container = container.id
        self.register_outputs({"container": self.container})
