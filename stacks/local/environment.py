"""One environment on this machine, role by role, in the order in which a deployment makes them."""

from collections.abc import Mapping
from typing import Any

import pulumi

from stacks.local.balancer import Balancer, BalancerArgs
from stacks.local.cache import Cache, CacheArgs
from stacks.local.certificates import Certificates
from stacks.local.database import Database, DatabaseArgs
from stacks.local.edge import Edge, EdgeArgs
from stacks.local.firewall import Firewall
from stacks.local.gateway import Gateway, GatewayArgs
from stacks.local.images import Images
from stacks.local.mail import Mail, MailArgs
from stacks.local.network import Network
from stacks.local.secrets import Secrets
from stacks.local.storage import Storage
from stacks.local.store import Store, StoreArgs
from stacks.settings import Settings


def deploy(settings: Settings) -> Mapping[str, Any]:
    """Make the environment and return its outputs."""
    # Every resource, and with it every container, network and volume, carries the stack's name.
    name = settings.prefix

    images = Images(name, settings)
    secrets = Secrets(name)
    network = Network(name, settings)
    firewall = Firewall(name, settings)
    certificates = Certificates(name, settings)
    storage = Storage(name, settings)

    database = Database(name, DatabaseArgs(images, network, secrets), settings)
    cache = Cache(name, CacheArgs(images, network, secrets), settings)
    gateway = Gateway(name, GatewayArgs(images, network, secrets), settings)
    if settings.store.smtp_url is None:
        Mail(name, MailArgs(images, network), settings)
    balancer = Balancer(name, BalancerArgs(images, network), settings)
    Edge(
        name,
        EdgeArgs(images, network, firewall, certificates, storage.media, secrets.shopper_key),
        settings,
    )
    Store(
        name,
        StoreArgs(images, network, secrets, database, cache, gateway, balancer, storage.media),
        settings,
    )

    return {
        "url": settings.url,
        "back_office_url": settings.back_office_url,
        "ca_certificate": certificates.authority,
        "version": images.version,
        "shopper_key": pulumi.Output.secret(secrets.shopper_key),
    }
