"""What a part of an order's units is worth, so that parts add up to the whole to the cent.

Taxes and discounts of a line are shared by units and rounded down; what is left falls to the last units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

Line = Mapping[str, Any]


class Worth(NamedTuple):
    """Minor units of so many units of a line; `total` is what they cost their buyer."""

    gross: int
    discount: int
    tax: int
    total: int


def line_worth(line: Line, units: int, *, tax_included: bool) -> Worth:
    """The first `units` of the line's quantity; later ones are a difference of two such."""
    gross = line["unit_price"] * units
    discount = line["discount"] * units // line["quantity"]
    tax = line["tax"] * units // line["quantity"]
    return Worth(gross, discount, tax, gross - discount + (0 if tax_included else tax))


def order_worth(order: Line, lines: Sequence[Line], units: Callable[[Line], int]) -> int:
    """What the buyer owes for so many units of each line; delivery counts as soon as there is one."""
    counted = [(line, units(line)) for line in lines]
    total = sum(line_worth(line, count, tax_included=order["tax_included"]).total for line, count in counted)
    if any(count for _, count in counted):
        total += order["shipping"] + (0 if order["tax_included"] else order["shipping_tax"])
    return total
