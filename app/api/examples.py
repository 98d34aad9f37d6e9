"""Examples of the API's document: of each schema, from its own examples or from what its fields are called.

A test holds every example against its schema and finds the fields whose names say nothing here.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

MOMENT = "2026-03-14T09:26:53Z"
CART = "7f1c1f5e-6a53-4f6e-9d6f-0a7f1f0c9b5d"

# By a field's name, where its schema has no example of its own.
NAMES: Schema = {
    "action_url": "https://shop.example/test-gateway/challenge/pay_8c1d",
    "active": True,
    "at": MOMENT,
    "alt": "The mug, from the side",
    "amount": 2490,
    "available": 12,
    "barcode": "4006381333931",
    "body_html": "<p>Holds 350 ml.</p>",
    "by": "warehouse system",
    "cancelled": 0,
    "carrier": "DHLPaket",
    "cart_id": CART,
    "category": "Home & Garden > Kitchen",
    "chosen": False,
    "city": "Berlin",
    "applies": True,
    "code": "SPRING10",
    "country": "DE",
    "expected_total": 4980,
    "created_at": MOMENT,
    "currency": "EUR",
    "delivered_at": MOMENT,
    "days": "2-3 working days",
    "description_html": "<p>Holds 350 ml.</p>",
    "detail": "quantity is 0: it must be from 1 to 99",
    "email": "ada@example.com",
    "field": "quantity",
    "gateway": "test-gateway",
    "grams": 350,
    "gift_card": False,
    "handle": "stoneware-mug",
    "id": 1,
    "image": "https://shop.example/media/products/stoneware-mug.svg",
    "in_stock": True,
    "issued_at": MOMENT,
    "key": "pay_8c1d:captured",
    "location": "main",
    "parcel": 1,
    "kind": "captured",
    "label": "SUMMER10",
    "line1": "Hauptstr. 1",
    "line2": "",
    "message": "Expected `int` >= 1",
    "name": "Ada Lovelace",
    "next_cursor": "WzAsNDJd",
    "number": "S100042",
    "options": ["Blue"],
    "place": "Berlin, DE",
    "path": "products/stoneware-mug.svg",
    "payment_id": "pay_8c1d",
    "per_minute": 600,
    "phone": "+49 30 123456",
    "position": 1,
    "postcode": "10115",
    "service": "Paket",
    "shipped_at": MOMENT,
    "tracking_number": "00340434161094042557",
    "tracking_url": "https://track.easypost.com/djE6dHJr",
    "products": 42,
    "published": True,
    "quantity": 2,
    "reason": "counted",
    "received_at": MOMENT,
    "region": "",
    "request_id": "5b0f8d1c9a6e4f27",
    "requires_shipping": True,
    "reserved": 3,
    "reserved_until": MOMENT,
    "seo_description": "A mug of grey stoneware that holds 350 ml.",
    "seo_title": "Stoneware mug",
    "shipping_method": "standard",
    "sku": "MUG-BLUE",
    "state": "confirmed",
    "status": 422,
    "shipping_tax_rate": 1900,
    "tags": ["kitchen", "stoneware"],
    "tax_included": True,
    "tax_rate": 1900,
    "taxable": True,
    "title": "Stoneware mug",
    "token": "tok_ok",
    "type": "Mugs",
    "units": 20,
    "updated_at": MOMENT,
    "url": "https://shop.example/products/stoneware-mug",
    "value": "Blue",
    "variant_id": 1,
    "variant_title": "Blue",
    "vendor": "Ceramica Nord",
    "size_mm": [120, 90, 100],
    "weight_grams": 350,
}

# What parameters mean, and an example of each; None where the best example is to leave it away.
PARAMETERS: dict[str, tuple[str, Any]] = {
    "handle": ("The product's handle", "stoneware-mug"),
    "document": ("The number of an invoice or credit note of the order", "R2026-000042"),
    "cart_id": ("The cart's id", CART),
    "code": ("The id of a code in the cart", "SUMMER10"),
    "line_id": ("The line's id, of the cart", 1),
    "number": ("The order's number", "S100042"),
    "product_id": ("The product's id", 1),
    "promotion_id": ("The promotion's id", 1),
    "card_id": ("The gift card's id", 1),
    "variant_id": ("The variant's id", 1),
    "query": ("What to search for", "mug"),
    "sort": ("Order of the list", "price"),
    "vendor": ("Any of these vendors", None),
    "type": ("Any of these types", None),
    "option": ("name:value of an option", None),
    "price_from": ("Least price, in minor units", 1000),
    "price_to": ("Greatest price, in minor units", 5000),
    "collection": ("Handle of a collection", None),
    "limit": ("Most items of one answer", 20),
    "cursor": ("next_cursor of the answer before", None),
    "country": ("ISO 3166-1 alpha-2", "DE"),
    "postcode": ("The postcode", "10115"),
    "token": ("The order's token, when it is not sent as Authorization", None),
    "Authorization": ("Bearer <the order's token>", "Bearer wT0x4fZb1mXc8Qe2Lq9v7A"),
    "Idempotency-Key": ("Yours, new for each intention", "9f1b6c1e-55d5-4a51-8a0e-3d9d4c1f7f10"),
    "If-Match": ("The ETag that was read", None),
}


# For a field that nothing is known of: right, if dull. A test finds such fields.
_DULL: Schema = {"string": "text", "integer": 1, "number": 1, "boolean": True, "null": None}

_KINDS: dict[str, type] = {"string": str, "integer": int, "number": int, "boolean": bool, "array": list}


def name_parameter(name: str) -> tuple[str, Any]:
    """A parameter's description and example."""
    return PARAMETERS.get(name, ("", None))


def example_of(schema: Schema, components: Schema, name: str = "") -> Any:
    """An example that fits the schema of a field of this name."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, name)
    given = schema.get("examples") or schema.get("enum")
    choices = schema.get("anyOf") or schema.get("oneOf") or []
    real = [choice for choice in choices if choice.get("type") != "null"]
    if given:
        example = given[0]
    elif real:
        example = example_of(real[0], components, name)
    elif schema.get("type") == "object":
        properties = schema.get("properties", {})
        example = {field: example_of(inner, components, field) for field, inner in properties.items()}
    elif schema.get("type") == "array" and not is_named(schema, name):
        example = [example_of(schema["items"], components, name.removesuffix("s"))]
    else:
        example = _plain(schema, name)
    return example


def is_named(schema: Schema, name: str) -> bool:
    """Whether something better than a dull value is known for this field of a plain type."""
    wanted = _KINDS.get(schema.get("type", ""))
    value = NAMES.get(name)
    fits = wanted is not None and isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool)
    return fits or schema.get("format") in ("uuid", "date-time") or "const" in schema


def _plain(schema: Schema, name: str) -> Any:
    if "const" in schema:
        return schema["const"]
    if schema.get("format") in ("uuid", "date-time"):
        return CART if schema["format"] == "uuid" else MOMENT
    if is_named(schema, name):
        return NAMES[name]
    return schema.get("minimum", _DULL.get(schema.get("type", ""), {}))
