"""Mail: a sink that keeps what the store sends, for staff to read; there is none beside a real relay."""

from dataclasses import dataclass

import pulumi

from stacks.local.containers import Attachment, Mount, Service, run, volume
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.settings import Settings

PORT = 8000
SMTP_PORT = 1025
CPUS = 0.25
MEMORY_MB = 128
DATA_PATH = "/srv/mail"


@dataclass(frozen=True)
class MailArgs:
    images: Images
    network: Network


class Mail(pulumi.ComponentResource):
    """The container's id. It keeps the newest thousand mails, in a volume of its own."""

    container: pulumi.Output[str]

    def __init__(
        self, name: str, args: MailArgs, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("storestack:local:Mail", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        data = volume(f"{name}-mail-data", "mail", settings, child)
        container = run(
            f"{name}-mail",
            Service(
                role="mail",
                image=args.images.mail,
                cpus=CPUS,
                memory_mb=MEMORY_MB,
                attachments=(Attachment(args.network.app, ("mail",)),),
                mounts=(Mount(data.name, DATA_PATH, read_only=False),),
                environment={"PORT": str(PORT), "SMTP_PORT": str(SMTP_PORT), "MAIL_DATA": DATA_PATH},
            ),
            settings,
            pulumi.ResourceOptions(parent=self, depends_on=[args.images]),
        )
        self.container = container.id
        self.register_outputs({"container": self.container})
