"""Verbs on stock, gathered for other packages. An order claims inside its own statement (app.checkout)."""

from app.inventory.allocation import Allocation, Claim, Held, Place, allocate, keep
from app.inventory.holds import Demand, OutOfStockError, claim, drop, expire, extend, put
from app.inventory.hot import gather, spread, tend
from app.inventory.locations import Location, list_locations, save_location
from app.inventory.movements import (
    MAIN,
    adjust,
    list_movements,
    receive,
    release,
    restock,
    set_available,
    ship,
    transfer,
)
from app.inventory.queries import GIVE_BACK, carry_out
from app.inventory.rows import columns

__all__ = [
    "GIVE_BACK",
    "MAIN",
    "Allocation",
    "Claim",
    "Demand",
    "Held",
    "Location",
    "OutOfStockError",
    "Place",
    "adjust",
    "allocate",
    "carry_out",
    "claim",
    "columns",
    "drop",
    "expire",
    "extend",
    "gather",
    "keep",
    "list_locations",
    "list_movements",
    "put",
    "receive",
    "release",
    "restock",
    "save_location",
    "set_available",
    "ship",
    "spread",
    "tend",
    "transfer",
]
