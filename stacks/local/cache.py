"""Cache: Redis, Valkey or memcached for sessions, rate limits and fragments, on the data network only."""

from dataclasses import dataclass
from typing import Final

import pulumi

from stacks.local.configuration import memcached, redis
from stacks.local.containers import UIDS, Attachment, Mount, Service, run, volume
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.providers.volume_files import CONFIGURATION_PATH, SECRETS_PATH, VolumeFiles
from stacks.local.secrets import Secrets
from stacks.settings import CacheEngine, Settings

MEMCACHED: Final = CacheEngine.MEMCACHED


@dataclass(frozen=True)
class CacheArgs:
    images: Images
    network: Network
    secrets: Secrets


def render(settings: Settings) -> dict[str, str]:
    cache = settings.cache
    if cache.engine is MEMCACHED:
        return memcached.render(memcached.CacheConfiguration(memory_mb=cache.memory_mb, cpus=cache.cpus))
    return redis.render(redis.CacheConfiguration(memory_mb=cache.memory_mb))


class Cache(pulumi.ComponentResource):
    """The container's id, and the store's address of it.

    What Redis and Valkey hold outlives the container: the data volume stays when the stack goes. memcached
    keeps nothing.
    """

    container: pulumi.Output[str]
    address: str

    def __init__(
        self, name: str, args: CacheArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Cache", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        configuration = volume(f"{name}-cache-configuration", "cache", settings, child)
        secrets = volume(f"{name}-cache-secrets", "cache", settings, child)
        engine = settings.cache.engine
        self.address = "memcached://store@cache:11211" if engine is MEMCACHED else "redis://cache:6379/0"
        mounts = [Mount(configuration.name, CONFIGURATION_PATH), Mount(secrets.name, SECRETS_PATH)]
        if engine is not MEMCACHED:
            # A volume for each engine: neither reads what a newer version of the other has written.
            of = "data" if engine is CacheEngine.REDIS else f"{engine}-data"
            data = volume(f"{name}-cache-{of}", "cache", settings, child, keep=True)
            mounts.append(Mount(data.name, "/var/lib/redis", read_only=False))
        files = VolumeFiles(
            f"{name}-cache-files",
            stack=settings.stack,
            role="cache",
            image=args.images.cache,
            uid=UIDS["cache"],
            configuration=render(settings),
            configuration_volume=configuration.name,
            secrets=pulumi.Output.all(args.secrets.cache_store, args.secrets.cache_admin).apply(
                lambda values: (
                    memcached.render_secrets(values[0])
                    if engine is MEMCACHED
                    else redis.render_secrets(*values)
                )
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
                mounts=tuple(mounts),
            ),
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[files, args.images]),
        )
        self.container = container.id
        self.register_outputs({"container": self.container})
