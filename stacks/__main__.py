"""The stack, role by role, in the order in which a request meets them and a deployment makes them."""

import pulumi
from pulumi.runtime.config import CONFIG

from stacks import settings as values
from stacks.local.balancer import Balancer, BalancerArgs
from stacks.local.cache import Cache, CacheArgs
from stacks.local.certificates import Certificates
from stacks.local.database import Database, DatabaseArgs
from stacks.local.edge import Edge, EdgeArgs
from stacks.local.firewall import Firewall
from stacks.local.gateway import Gateway, GatewayArgs
from stacks.local.images import Images
from stacks.local.network import Network
from stacks.local.secrets import Secrets
from stacks.local.storage import Storage
from stacks.local.store import Store, StoreArgs

try:
    settings = values.parse(pulumi.get_stack(), CONFIG.get())
except values.SettingsError as error:
    raise pulumi.RunError(str(error)) from None

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
balancer = Balancer(name, BalancerArgs(images, network), settings)
edge = Edge(
    name,
    EdgeArgs(images, network, firewall, certificates, storage.media, secrets.shopper_key),
    settings,
)
store = Store(
    name,
    StoreArgs(images, network, secrets, database, cache, gateway, balancer, storage.media),
    settings,
)

pulumi.export("url", settings.url)
pulumi.export("ca_certificate", certificates.authority)
pulumi.export("version", images.version)
pulumi.export("shopper_key", pulumi.Output.secret(secrets.shopper_key))
