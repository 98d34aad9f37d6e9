"""The program behind `make build`: the store's image, by the same engine and provider as in a stack."""

import os

import pulumi

from stacks.local.images import ROOT, build, build_log

image = build(
    "store-image",
    "store",
    os.environ["STORESTACK_BASE"],
    context=str(ROOT),
    log=str(ROOT / build_log("build", "store")),
)
pulumi.export("image", image.image_id)
