"""Every policy of the pack, in the order of the table in docs/policies.md."""

from __future__ import annotations

from policies import (
    balancer,
    cache,
    certificates,
    containers,
    database,
    edge,
    firewall,
    identity,
    local,
    monitoring,
    network,
    registry,
    services,
    storage,
)
from policies.rules import Policy

SUBJECTS = {
    "Balancer": balancer,
    "Edge": edge,
    "Firewall": firewall,
    "Certificates": certificates,
    "Services": services,
    "Containers": containers,
    "Registry": registry,
    "Database": database,
    "Cache": cache,
    "Storage": storage,
    "Network": network,
    "Identity": identity,
    "Monitoring and account": monitoring,
    "Local target": local,
}


def order(policy: Policy) -> tuple[bool, int]:
    return policy.number.startswith("L"), int(policy.number.removeprefix("L"))


BY_SUBJECT = {
    subject: sorted((item for item in vars(module).values() if isinstance(item, Policy)), key=order)
    for subject, module in SUBJECTS.items()
}
POLICIES = sorted((policy for policies in BY_SUBJECT.values() for policy in policies), key=order)
BY_ID = {policy.id: policy for policy in POLICIES}
