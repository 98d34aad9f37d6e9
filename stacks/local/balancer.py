"""Balancer: HAProxy between the edge and the web containers, at a fixed address of the edge network.

Its configuration and its server list change by reload, which loses no request.
"""

import math
from dataclasses import dataclass

import pulumi

from stacks.local.configuration import haproxy
from stacks.local.containers import UIDS, Attachment, Mount, Service, run, volume
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.providers.admission import ADMISSION_PATH
from stacks.local.providers.volume_files import CONFIGURATION_PATH, VolumeFiles
from stacks.settings import Settings


@dataclass(frozen=True)
class BalancerArgs:
    images: Images
    network: Network


class Balancer(pulumi.ComponentResource):
    """The container's id, and the volume that holds the list of the servers it may use."""

    container: pulumi.Output[str]
    servers: pulumi.Output[str]

    def __init__(
        self, name: str, args: BalancerArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Balancer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        balancer = settings.balancer
        self.configuration = haproxy.BalancerConfiguration(
            connections=balancer.connections,
            threads=math.ceil(balancer.cpus),
            back_office_host=settings.back_office_host,
            server_connections=balancer.server_connections,
            queue=balancer.queue,
            queue_seconds=balancer.queue_seconds,
        )
        configuration = volume(f"{name}-balancer-configuration", "balancer", settings, child)
        servers = volume(f"{name}-balancer-servers", "balancer", settings, child)
        files = VolumeFiles(
            f"{name}-balancer-files",
            stack=settings.stack,
            role="balancer",
            image=args.images.balancer,
            uid=UIDS["balancer"],
            configuration=haproxy.render(self.configuration),
            configuration_volume=configuration.name,
            opts=child,
        )
        container = run(
            f"{name}-balancer",
            Service(
                role="balancer",
                image=args.images.balancer,
                cpus=balancer.cpus,
                memory_mb=balancer.memory_mb,
                attachments=(
                    Attachment(args.network.edge, ("balancer",), args.network.plan.balancer_address),
                    Attachment(args.network.app, ("balancer",)),
                ),
                mounts=(
                    Mount(configuration.name, CONFIGURATION_PATH),
                    Mount(servers.name, ADMISSION_PATH),
                ),
                # Requests in flight are finished before it stops.
                grace_seconds=settings.store.drain_seconds + 10,
            ),
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[files, args.images]),
        )
        self.container = container.id
        self.servers = servers.name
        self.register_outputs({"container": self.container})
