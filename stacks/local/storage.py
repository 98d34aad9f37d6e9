"""Storage: product media, written by the store's worker and release step, served by the edge."""

import pulumi

from stacks.local.containers import volume
from stacks.settings import Settings

MEDIA_PATH = "/srv/media"


class Storage(pulumi.ComponentResource):
    """The name of the media volume. It holds data: the engine leaves it behind on `destroy`."""

    media: pulumi.Output[str]

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storestack:local:Storage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.media = volume(f"{name}-media", "storage", settings, child, keep=True).name
        self.register_outputs({"media": self.media})
