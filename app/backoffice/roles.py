"""Who may do what: areas of the back office, and what each role may read and change there. Data, no rules."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Area(StrEnum):
    """A part of the back office that a role may read or change as a whole."""

    DASHBOARD = "dashboard"
    ORDERS = "orders"
    PAYMENTS = "payments"
    SHIPPING = "shipping"
    CATALOGUE = "catalogue"
    PROMOTIONS = "promotions"
    STOCK = "stock"
    CUSTOMERS = "customers"
    CONTENT = "content"
    REPORTS = "reports"
    JOBS = "jobs"
    KEYS = "keys"
    SETTINGS = "settings"
    STAFF = "staff"
    AUDIT = "audit"


class Role(StrEnum):
    """What a member of staff is; one may be several."""

    ADMINISTRATOR = "administrator"
    ORDERS = "orders"
    CATALOGUE = "catalogue"
    WAREHOUSE = "warehouse"
    SUPPORT = "support"


# In the words of the screen where roles are given.
EXPLAINED = {
    Role.ADMINISTRATOR: "everything, staff and settings included",
    Role.ORDERS: "orders, payments and refunds, shipping, customers",
    Role.CATALOGUE: "products, collections, promotions, content",
    Role.WAREHOUSE: "stock, packing and shipping",
    Role.SUPPORT: "reads orders, customers, products; changes nothing",
}

_ALL = frozenset(Area)
_EVERYONE = frozenset({Area.DASHBOARD, Area.ORDERS, Area.SHIPPING, Area.CATALOGUE, Area.STOCK})

CHANGES: dict[Role, frozenset[Area]] = {
    Role.ADMINISTRATOR: _ALL,
    Role.ORDERS: frozenset({Area.ORDERS, Area.PAYMENTS, Area.SHIPPING, Area.CUSTOMERS}),
    Role.CATALOGUE: frozenset({Area.CATALOGUE, Area.PROMOTIONS, Area.CONTENT}),
    Role.WAREHOUSE: frozenset({Area.STOCK, Area.SHIPPING}),
    Role.SUPPORT: frozenset(),
}
READS: dict[Role, frozenset[Area]] = {
    Role.ADMINISTRATOR: _ALL,
    Role.ORDERS: _EVERYONE | CHANGES[Role.ORDERS] | {Area.PROMOTIONS, Area.REPORTS},
    Role.CATALOGUE: _EVERYONE | CHANGES[Role.CATALOGUE] | {Area.REPORTS},
    Role.WAREHOUSE: _EVERYONE | CHANGES[Role.WAREHOUSE],
    Role.SUPPORT: _EVERYONE | {Area.PAYMENTS, Area.CUSTOMERS, Area.PROMOTIONS},
}


def readable(roles: Iterable[Role]) -> frozenset[Area]:
    """The areas that one with these roles sees."""
    return frozenset[Area]().union(*(READS[role] for role in roles))


def changeable(roles: Iterable[Role]) -> frozenset[Area]:
    """The areas in which one with these roles may change something."""
    # The first page stands for what is everyone's own: their sign-ins.
    return frozenset({Area.DASHBOARD}).union(*(CHANGES[role] for role in roles))
