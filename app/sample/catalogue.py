"""Makes the sample catalogue: 1,000 products in 20 collections, as rows of Shopify's product CSV.

The same seed always gives the same bytes. A product has a row for each variant; its first row carries what is
said of the product as a whole, and each colour's picture stands on the row of its first variant.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from random import Random
from typing import Final, TextIO

from app.sample.vocabulary import COLLECTIONS, COLOURS, SERIES, VENDORS, Kind

SEED: Final = 20261
PER_COLLECTION: Final = 50
COLUMNS: Final = (
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published", "Collection",
    "Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value",
    "Variant SKU", "Variant Grams", "Variant Inventory Tracker", "Variant Inventory Qty", "Variant Inventory Policy",
    "Variant Fulfillment Service", "Variant Price", "Variant Compare At Price", "Variant Requires Shipping",
    "Variant Taxable", "Variant Barcode", "Image Src", "Image Position", "Image Alt Text", "Gift Card",
    "SEO Title", "SEO Description", "Variant Image", "Status",
)  # fmt: skip
# The colour of the picture of a thing that comes in one colour only, by the shape that is drawn.
NATURAL: Final = {"pan": "#5a5f63", "pouch": "#8a5a3c", "tin": "#5f8a58"}


@dataclass(frozen=True)
class Picture:
    """One picture of a product: where it is stored under the media root, and what it shows."""

    path: str
    alt: str
    shape: str
    colour: str


@dataclass(frozen=True)
class Variant:
    sku: str
    options: tuple[str, ...]
    cents: int
    cents_before: int | None
    grams: int
    stock: int
    barcode: str
    picture: Picture


@dataclass(frozen=True)
class Product:
    handle: str
    title: str
    collection: str
    kind: Kind
    vendor: str
    body: str
    tags: tuple[str, ...]
    summary: str
    option_names: tuple[str, ...]
    variants: tuple[Variant, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Each once, in the order of the variants."""
        return tuple(dict.fromkeys(variant.picture for variant in self.variants))


def slug(text: str) -> str:
    """Text as it stands in an address: small ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")


def price(rng: Random, kind: Kind) -> int:
    """Cents within the kind's range, ending as shop prices do."""
    low, high = kind.price
    return round(rng.randint(low, high) / 100) * 100 - rng.choice((0, 5, 10, 50))


def barcode(number: int) -> str:
    """An EAN-13 from the range 200–299, which GS1 leaves to shops for their own use; with its check digit."""
    digits = f"200{number:09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def count(name: str) -> str:
    """One of a thing, as one says it: a mug, an overshirt, a pair of boots."""
    if name.endswith("s"):
        return f"a pair of {name}"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def describe(rng: Random, kind: Kind, material: str, series: str, vendor: str) -> tuple[str, str]:
    """The product's text as HTML, and its first sentence without any."""
    purpose = rng.choice(kind.purpose)
    thing = count(kind.name.lower())
    opening = rng.choice(
        (
            f"{thing} in {material.lower()}, good {purpose}.".capitalize(),
            f"The {series} is {thing} in {material.lower()}, good {purpose}.",
            f"{material} and a plain shape: {thing}, good {purpose}.",
        )
    )
    first, second, third = rng.sample(kind.features, 3)
    closing = rng.choice(
        (
            f"Made by {vendor}, who have done little else for years.",
            f"{vendor} make it the slow way.",
            f"From {vendor}, in runs of a few hundred.",
        )
    )
    items = "".join(f"<li>{escape(text)}</li>" for text in (first, second, third))
    body = f"<p>{escape(opening)} {escape(closing)}</p><ul>{items}</ul><p><strong>Care:</strong> {escape(kind.care)}</p>"
    return body, opening


def make_product(rng: Random, collection: str, kind: Kind, series: str, serial: int) -> Product:
    material, vendor = rng.choice(kind.materials), rng.choice(VENDORS)
    title = f"{series} {material} {kind.name}"
    handle = slug(title)
    body, summary = describe(rng, kind, material, series, vendor)
    many = 1 if len(kind.sizes) > 4 else 2
    colours = rng.sample(sorted(COLOURS), rng.randint(1, many) if kind.coloured else 1)
    cents, grams = price(rng, kind), rng.randint(*kind.weight)
    on_sale = rng.random() < 0.15
    names = (("Colour",) if kind.coloured else ()) + ((kind.size_name,) if kind.sizes else ())
    variants: list[Variant] = []
    for colour in colours:
        shown = f"{handle}-{slug(colour)}" if kind.coloured else handle
        alt = f"{title} in {colour.lower()}" if kind.coloured else title
        fill = COLOURS[colour] if kind.coloured else NATURAL[kind.shape]
        picture = Picture(f"products/{shown}.svg", alt, kind.shape, fill)
        for step, size in enumerate(kind.sizes or ("",)):
            # Bigger pots and beds cost and weigh more; clothes and shoes do not.
            scale = 1 + 0.25 * step if kind.size_name not in ("Size", "Grind") else 1.0
            asked = round(cents * scale)
            number = serial * 100 + len(variants)
            variants.append(
                Variant(
                    sku=f"{slug(kind.name)[:4].upper()}-{serial:04d}-{len(variants) + 1:02d}",
                    options=((colour,) if kind.coloured else ()) + ((size,) if size else ()),
                    cents=asked,
                    cents_before=round(asked * 1.25 / 100) * 100 if on_sale else None,
                    grams=round(grams * scale),
                    stock=0 if rng.random() < 0.05 else rng.randint(5, 400),
                    barcode=barcode(number),
                    picture=picture,
                )
            )
    tags = (
        *(colour.lower() for colour in colours if kind.coloured),
        material.lower(),
        *(["sale"] if on_sale else []),
    )
    return Product(
        handle, title, collection, kind, vendor, body, tags, summary, names or ("Title",), tuple(variants)
    )


def generate() -> Iterator[Product]:
    """Every product of the sample shop, in the catalogue's order."""
    rng = Random(SEED)
    serial = 0
    for collection, kinds in COLLECTIONS.items():
        for kind in kinds:
            for series in rng.sample(SERIES, PER_COLLECTION // len(kinds)):
                serial += 1
                yield make_product(rng, collection, kind, series, serial)


def amount(cents: int | None) -> str:
    return "" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def rows(product: Product) -> Iterator[dict[str, str | int]]:
    """The CSV rows of one product."""
    pictures: list[Picture] = []
    for position, variant in enumerate(product.variants):
        row: dict[str, str | int] = {"Handle": product.handle}
        if position == 0:
            row |= {
                "Title": product.title,
                "Body (HTML)": product.body,
                "Vendor": product.vendor,
                "Type": product.kind.name,
                "Tags": ", ".join(product.tags),
                "Published": "TRUE",
                "Collection": product.collection,
                "Gift Card": "FALSE",
                "SEO Title": f"{product.title} | {product.collection}",
                "SEO Description": product.summary,
                "Status": "active",
            } | {f"Option{n} Name": name for n, name in enumerate(product.option_names, 1)}
        row |= {f"Option{n} Value": value for n, value in enumerate(variant.options or ("Default Title",), 1)}
        row |= {
            "Variant SKU": variant.sku,
            "Variant Grams": variant.grams,
            "Variant Inventory Tracker": "shopify",
            "Variant Inventory Qty": variant.stock,
            "Variant Inventory Policy": "deny",
            "Variant Fulfillment Service": "manual",
            "Variant Price": amount(variant.cents),
            "Variant Compare At Price": amount(variant.cents_before),
            "Variant Requires Shipping": "TRUE",
            "Variant Taxable": "TRUE",
            "Variant Barcode": variant.barcode,
            "Variant Image": variant.picture.path,
        }
        if variant.picture not in pictures:
            pictures.append(variant.picture)
            row |= {
                "Image Src": variant.picture.path,
                "Image Position": len(pictures),
                "Image Alt Text": variant.picture.alt,
            }
        yield row


def write(out: TextIO) -> None:
    """The whole catalogue as CSV."""
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for product in generate():
        writer.writerows(rows(product))
