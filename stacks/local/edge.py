"""Edge: nginx with TLS, cache, compression, firewall and limits; the only container with published ports.

Its configuration and certificate change by reload; only a new image or limit replaces it.
"""

import math
from dataclasses import dataclass

import pulumi

from stacks.local.certificates import Certificates, edge_hosts
from stacks.local.configuration import nginx
from stacks.local.containers import UIDS, Attachment, Mount, Port, Service, run, volume
from stacks.local.firewall import Firewall
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.providers.acme import CHALLENGES_PATH
from stacks.local.providers.volume_files import CONFIGURATION_PATH, SECRETS_PATH, VolumeFiles
from stacks.local.storage import MEDIA_PATH
from stacks.settings import Settings

HTTP_PORT = 8080
HTTPS_PORT = 8443
CACHE_PATH = "/var/cache/edge"


@dataclass(frozen=True)
class EdgeArgs:
    images: Images
    network: Network
    firewall: Firewall
    certificates: Certificates
    media: pulumi.Input[str]
    shopper_key: pulumi.Input[str]


class Edge(pulumi.ComponentResource):
    """The container's id."""

    container: pulumi.Output[str]

    def __init__(
        self, name: str, args: EdgeArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Edge", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        configuration = volume(f"{name}-edge-configuration", "edge", settings, child)
        secrets = volume(f"{name}-edge-secrets", "edge", settings, child)
        cache = volume(f"{name}-edge-cache", "edge", settings, child)
        files = VolumeFiles(
            f"{name}-edge-files",
            stack=settings.stack,
            role="edge",
            image=args.images.edge,
            uid=UIDS["edge"],
            configuration=nginx.render(
                nginx.EdgeConfiguration(
                    hosts=edge_hosts(settings),
                    back_office_host=settings.back_office_host,
                    back_office_networks=tuple(map(str, settings.edge.back_office_networks)),
                    https_port=settings.edge.https_port,
                    balancer=args.network.plan.balancer_address,
                    workers=math.ceil(settings.edge.cpus),
                    cache_mb=settings.edge.cache_mb,
                    body_mb=settings.edge.body_mb,
                    limits=args.firewall.limits,
                    firewall=args.firewall.rules,
                    signed_shoppers=True,
                )
            ),
            configuration_volume=configuration.name,
            secrets=pulumi.Output.secret(
                pulumi.Output.all(
                    args.certificates.certificate, args.certificates.key, args.shopper_key
                ).apply(lambda values: nginx.render_secrets(*values))
            ),
            secrets_volume=secrets.name,
            scratch=(CACHE_PATH,),
            opts=child,
        )
        edge = settings.edge
        container = run(
            f"{name}-edge",
            Service(
                role="edge",
                image=args.images.edge,
                cpus=edge.cpus,
                memory_mb=edge.memory_mb,
                attachments=(Attachment(args.network.edge),),
                mounts=(
                    Mount(configuration.name, CONFIGURATION_PATH),
                    Mount(secrets.name, SECRETS_PATH),
                    Mount(cache.name, CACHE_PATH, read_only=False),
                    Mount(args.media, MEDIA_PATH),
                    Mount(args.certificates.challenges, CHALLENGES_PATH),
                ),
                ports=(
                    Port(HTTPS_PORT, edge.https_port, edge.listen),
                    Port(HTTP_PORT, edge.http_port, edge.listen),
                ),
            ),
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[files, args.images]),
        )
        self.container = container.id
        self.register_outputs({"container": self.container})
