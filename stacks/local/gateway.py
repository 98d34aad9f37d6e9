"""Gateway: the test payment gateway, a small service of its own, as a real one would be."""

from dataclasses import dataclass

import pulumi

from stacks.local.containers import UIDS, Attachment, Mount, Service, run, volume
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.providers.volume_files import SECRETS_PATH, VolumeFiles
from stacks.local.secrets import Secrets
from stacks.settings import Settings

PORT = 8000
CPUS = 0.5
MEMORY_MB = 192
DATA_PATH = "/srv/gateway"


@dataclass(frozen=True)
class GatewayArgs:
    images: Images
    network: Network
    secrets: Secrets


class Gateway(pulumi.ComponentResource):
    """The container's id. Its ledger stays when the stack goes, as the store's orders do."""

    container: pulumi.Output[str]

    def __init__(
        self, name: str, args: GatewayArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Gateway", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        secrets = volume(f"{name}-gateway-secrets", "gateway", settings, child)
        data = volume(f"{name}-gateway-data", "gateway", settings, child, keep=True)
        files = VolumeFiles(
            f"{name}-gateway-files",
            stack=settings.stack,
            role="gateway",
            image=args.images.gateway,
            uid=UIDS["gateway"],
            secrets={
                "gateway_key": args.secrets.gateway_key,
                "gateway_webhook_key": args.secrets.gateway_webhook_key,
            },
            secrets_volume=secrets.name,
            validate=False,
            opts=child,
        )
        container = run(
            f"{name}-gateway",
            Service(
                role="gateway",
                image=args.images.gateway,
                cpus=CPUS,
                memory_mb=MEMORY_MB,
                attachments=(Attachment(args.network.app, ("gateway",)),),
                mounts=(Mount(secrets.name, SECRETS_PATH), Mount(data.name, DATA_PATH, read_only=False)),
                environment={
                    "PORT": str(PORT),
                    "GATEWAY_KEY_FILE": f"{SECRETS_PATH}/gateway_key",
                    "GATEWAY_WEBHOOK_KEY_FILE": f"{SECRETS_PATH}/gateway_webhook_key",
                    "GATEWAY_DATA": DATA_PATH,
                    "WEBHOOK_URL": "http://balancer:8080/api/v1/webhooks/test-gateway",
                    "PUBLIC_URL": settings.url,
                },
                exclusive=False,
            ),
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[files, args.images]),
        )
        self.container = container.id
        self.register_outputs({"container": self.container})
