"""Network: one bridge per tier. A container reaches only the tiers it is on, and data has no way out."""

from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_docker as docker

from stacks.local.containers import ROLE_LABEL, STACK_LABEL
from stacks.settings import Settings

# The balancer's fixed place in the edge network: nginx resolves an upstream only once.
BALANCER_HOST = 10
# The database's in the data network: a question that PgBouncer's resolver got no answer to, as one asked
# while it restarts, can stay open for ever, and no connection is made again (its issue 1583).
DATABASE_HOST = 10


@dataclass(frozen=True)
class Plan:
    """Addresses of the three tiers, from the stack's /24."""

    edge: IPv4Network
    app: IPv4Network
    data: IPv4Network

    @property
    def balancer_address(self) -> str:
        return str(self.edge[BALANCER_HOST])

    @property
    def database_address(self) -> str:
        return str(self.data[DATABASE_HOST])


def plan(subnet: IPv4Network) -> Plan:
    """The first three quarters; the fourth stays free for a tier to come."""
    edge, app, data, _ = subnet.subnets(new_prefix=26)
    return Plan(edge, app, data)


class Network(pulumi.ComponentResource):
    """The names of the three networks."""

    edge: pulumi.Output[str]
    app: pulumi.Output[str]
    data: pulumi.Output[str]

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("storestack:local:Network", name, None, opts)
        self.plan = plan(settings.network.subnet)
        self.edge = self.tier(name, "edge", self.plan.edge, settings).name
        self.app = self.tier(name, "app", self.plan.app, settings).name
        self.data = self.tier(name, "data", self.plan.data, settings, internal=True).name
        self.register_outputs({"edge": self.edge, "app": self.app, "data": self.data})

    def tier(
        self, name: str, tier: str, subnet: IPv4Network, settings: Settings, *, internal: bool = False
    ) -> docker.Network:
        _, dynamic = subnet.subnets()
        return docker.Network(
            f"{name}-{tier}",
            name=f"{name}-{tier}",
            driver="bridge",
            internal=internal,
            ipam_configs=[
                docker.NetworkIpamConfigArgs(
                    subnet=str(subnet),
                    gateway=str(subnet[1]),
                    # Fixed addresses are below this range: after a reboot no one else can have taken one.
                    ip_range=str(dynamic),
                )
            ],
            labels=[
                docker.NetworkLabelArgs(label=STACK_LABEL, value=settings.stack),
                docker.NetworkLabelArgs(label=ROLE_LABEL, value=tier),
            ],
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
