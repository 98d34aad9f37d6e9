"""Reads Shopify's product CSV into drafts of products, one product at a time, for any size of file.

A product is a run of rows with the same Handle: the first describes it, each may carry a variant, a picture
or both. A row that cannot be read becomes a `Fault` with its line, and the rest of its product is kept.

Read differently from Shopify: "continue selling when out of stock" is not honoured, since this store never
oversells; a negative quantity counts as none; "Gift Card" may differ by variant, and a row without it is as
its product's first.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import nh3

from app.giftcards.service import MOST

REQUIRED = ("Handle", "Title", "Variant Price")
# A description longer than this is a missing closing quote; it also bounds what one row takes of memory.
LONGEST_FIELD = 1 << 20
MOST_ROWS = 2000

LARGEST_INTEGER = 2**31 - 1

# Longer than any lorry.
LONGEST_MM = 20_000

_SIZE = re.compile(r"(\d{1,5})\s*[x×]\s*(\d{1,5})\s*[x×]\s*(\d{1,5})(?:\s*mm)?", re.ASCII | re.IGNORECASE)
_PRICE = re.compile(r"(\d{1,10})(?:\.(\d{1,2})0*)?")
_INTEGER = re.compile(r"(-?\d{1,12})(?:\.0*)?")
_HANDLE = re.compile(r"[\w][\w.-]*")
_YES = frozenset({"true", "yes", "1"})
_NO = frozenset({"false", "no", "0"})


class UnreadableError(Exception):
    """The file as a whole is not a product CSV."""


@dataclass(frozen=True)
class Fault:
    """A row that was not loaded, and why. `line` counts as editors do, from 1."""

    line: int
    reason: str


@dataclass(frozen=True)
class VariantDraft:
    """One variant as the file has it. Money in minor units.

    `units` and `size` (length, width, height in mm) are None when the file does not say.
    """

    options: tuple[str, str, str]
    sku: str
    barcode: str
    price: int
    compare_at: int | None
    weight_grams: int
    units: int | None
    requires_shipping: bool
    taxable: bool
    image: str | None
    size: tuple[int, int, int] | None
    gift_card: bool

    @property
    def title(self) -> str:
        return name_variant(self.options)


@dataclass
class ProductDraft:
    """One product with its variants and pictures; `complete` is False when a row of it was refused."""

    line: int
    handle: str
    title: str
    body_html: str
    vendor: str
    category: str
    kind: str
    tags: list[str]
    options: list[str]
    seo_title: str
    seo_description: str
    published: bool
    gift_card: bool
    collection: str
    variants: list[VariantDraft] = field(default_factory=list)
    pictures: list[tuple[int, str, str]] = field(default_factory=list)
    complete: bool = True


class _RefusedError(Exception):
    """This row cannot be loaded; the message is the reason."""


Row = dict[str, str]


def name_variant(options: Iterable[str]) -> str:
    """The title of a variant with these option values; '' for the only one of a product without options."""
    named = [value for value in options if value]
    return "" if named in ([], ["Default Title"]) else " / ".join(named)


def slug(text: str) -> str:
    """Text as it stands in an address: small letters, digits and hyphens; '' when nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")


def read_drafts(lines: Iterable[str]) -> Iterator[ProductDraft | Fault]:
    """Yield each product, and a fault for each row that is refused. Raises UnreadableError on a wrong header.

    Open the file with `errors="surrogateescape"`, so that a row that is not UTF-8 is a fault, not an end.
    """
    product: ProductDraft | None = None
    handle, rows, lost = "", 0, 0
    for line, row in _read_rows(lines):
        if isinstance(row, Fault):
            if product:
                product.complete = False
            yield row
            continue
        if row["Handle"] != handle:
            if product:
                yield product
            product, handle, rows, lost = None, row["Handle"], 0, 0
            try:
                product = _describe(line, row)
            except _RefusedError as refused:
                lost = line
                yield Fault(line, str(refused))
                continue
        if product is None:
            yield Fault(line, f"belongs to product {handle!r}, whose first row (line {lost}) was refused")
            continue
        rows += 1
        try:
            if rows > MOST_ROWS:
                raise _RefusedError(f"a product can have at most {MOST_ROWS} rows")
            _add_row(product, row)
        except _RefusedError as refused:
            product.complete = False
            yield Fault(line, str(refused))
    if product:
        yield product


def _read_rows(lines: Iterable[str]) -> Iterator[tuple[int, Row | Fault]]:
    csv.field_size_limit(LONGEST_FIELD)
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise UnreadableError(f"the header cannot be read: {error}") from error
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise UnreadableError(
            f"the header has no column {', '.join(map(repr, missing))}: "
            "export the products from Shopify as CSV, or name the columns as Shopify does"
        )
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            reason = f"is not CSV up to line {reader.line_num}: {error}; look for a quote that is not closed"
            yield line, Fault(line, reason)
            continue
        if cells is None:
            return
        if any(cells):
            yield line, _name_cells(line, header, cells)


def _name_cells(line: int, header: list[str], cells: list[str]) -> Row | Fault:
    if len(cells) != len(header):
        return Fault(line, f"has {len(cells)} cells where the header has {len(header)}")
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    for name, cell in row.items():
        if not cell.isascii() and any("\ud800" <= sign <= "\udfff" for sign in cell):
            return Fault(line, f"{name} is not UTF-8: save the file as UTF-8")
        if "\0" in cell:
            return Fault(line, f"{name} holds a zero byte")
    if not row["Handle"]:
        return Fault(line, "Handle is empty: each row must name its product")
    return row


def _describe(line: int, row: Row) -> ProductDraft:
    handle = row["Handle"]
    if not _HANDLE.fullmatch(handle) or len(handle) > 255:
        raise _RefusedError(
            f"Handle is {handle[:80]!r}: it must be letters, digits, '-', '_' and '.', at most 255 of them"
        )
    if not row["Title"]:
        raise _RefusedError(f"Title is empty, and this is the first row of product {handle!r}")
    status = row.get("Status", "").lower() or "active"
    if status not in ("active", "draft", "archived", "unlisted"):
        raise _RefusedError(f"Status is {row['Status']!r}: it must be active, draft, archived or unlisted")
    shown = status in ("active", "unlisted") and _flag(row, "Published", True)
    return ProductDraft(
        line=line,
        handle=handle,
        title=row["Title"],
        body_html=clean_html(row.get("Body (HTML)", "")),
        vendor=row.get("Vendor", ""),
        category=row.get("Product Category", ""),
        kind=row.get("Type", ""),
        tags=[tag for tag in (part.strip() for part in row.get("Tags", "").split(",")) if tag],
        options=[name for n in (1, 2, 3) if (name := row.get(f"Option{n} Name", ""))],
        seo_title=row.get("SEO Title", ""),
        seo_description=row.get("SEO Description", ""),
        published=shown,
        gift_card=_flag(row, "Gift Card", False),
        collection=_read_collection(row),
    )


def _read_collection(row: Row) -> str:
    title = row.get("Collection", "")
    if title and slug(title) in ("", "all"):
        raise _RefusedError(
            f"Collection is {title!r}: an address is made of it, so use Latin letters, and not 'all'"
        )
    return title


def _add_row(product: ProductDraft, row: Row) -> None:
    picture = _address(row, "Image Src")
    if any(row.get(name) for name in ("Option1 Value", "Variant SKU", "Variant Price")):
        variant = _read_variant(row, gift_card=_flag(row, "Gift Card", product.gift_card))
        if any(variant.options == other.options for other in product.variants):
            raise _RefusedError(
                f"variant {variant.title or 'without options'!r} of {product.handle!r} is there twice"
            )
        product.variants.append(variant)
    elif not picture:
        raise _RefusedError("has neither a variant nor a picture")
    if picture and all(picture != path for _, path, _ in product.pictures):
        position = _integer(row, "Image Position") or len(product.pictures) + 1
        product.pictures.append((position, picture, row.get("Image Alt Text", "")))


def _read_variant(row: Row, *, gift_card: bool) -> VariantDraft:
    price = _price(row, "Variant Price")
    if price is None:
        raise _RefusedError("Variant Price is empty: each variant needs one, such as 12.50")
    if gift_card and not 0 < price <= MOST:
        given = row["Variant Price"][:40]
        raise _RefusedError(
            f"Variant Price is {given!r}: a gift card is worth it, from 0.01 to {MOST // 100}"
        )
    units = _integer(row, "Variant Inventory Qty")
    return VariantDraft(
        options=(row.get("Option1 Value", ""), row.get("Option2 Value", ""), row.get("Option3 Value", "")),
        sku=row.get("Variant SKU", "").removeprefix("'"),
        barcode=row.get("Variant Barcode", "").removeprefix("'"),
        price=price,
        compare_at=_price(row, "Variant Compare At Price") or None,
        weight_grams=_weight(row),
        units=None if units is None else max(units, 0),
        requires_shipping=_flag(row, "Variant Requires Shipping", True),
        taxable=_flag(row, "Variant Taxable", True),
        image=_address(row, "Variant Image"),
        size=_size(row),
        gift_card=gift_card,
    )


def _price(row: Row, name: str) -> int | None:
    text = row.get(name, "")
    if not text:
        return None
    found = _PRICE.fullmatch(text)
    if not found or not text.isascii():
        raise _RefusedError(f"{name} is {text[:40]!r}: it must be a number such as 12.50")
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def _integer(row: Row, name: str) -> int | None:
    text = row.get(name, "")
    if not text:
        return None
    found = _INTEGER.fullmatch(text)
    if not found or not text.isascii() or abs(int(found[1])) > LARGEST_INTEGER:
        raise _RefusedError(f"{name} is {text[:40]!r}: it must be a whole number up to {LARGEST_INTEGER}")
    return int(found[1])


def _weight(row: Row) -> int:
    text = row.get("Variant Grams", "")
    try:
        grams = round(float(text)) if text else 0
    except (ValueError, OverflowError):
        grams = -1
    if not 0 <= grams <= LARGEST_INTEGER:
        raise _RefusedError(f"Variant Grams is {text[:40]!r}: it must be a weight in grams, such as 250")
    return grams


def _size(row: Row) -> tuple[int, int, int] | None:
    text = row.get("Variant Size (mm)", "")
    try:
        return parse_size(text) if text else None
    except ValueError as error:
        raise _RefusedError(f"Variant Size (mm) {error}") from None


def parse_size(text: str) -> tuple[int, int, int]:
    """Length, width and height in mm, written like 120 x 90 x 100. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip())
    length, width, height = map(int, found.groups()) if found else (0, 0, 0)
    if not all(0 < side <= LONGEST_MM for side in (length, width, height)):
        raise ValueError(
            f"is {text[:40]!r}: it must be three whole numbers from 1 to {LONGEST_MM}, such as 120 x 90 x 100"
        )
    return length, width, height


def _flag(row: Row, name: str, default: bool) -> bool:
    text = row.get(name, "").lower()
    if text and text not in _YES | _NO:
        raise _RefusedError(f"{name} is {row[name][:40]!r}: it must be TRUE or FALSE")
    return text in _YES if text else default


def _address(row: Row, name: str) -> str | None:
    """A picture's address: https or http, or a path under the media root."""
    text = row.get(name, "")
    if not text:
        return None
    if not check_picture(text):
        raise _RefusedError(
            f"{name} is {text[:80]!r}: it must start with https://, or be a path such as products/mug.svg"
        )
    return text


def check_picture(address: str) -> bool:
    """Whether this is a whole address of the web, or a path under the media root that cannot leave it."""
    if re.match(r"https?://[^/\s]+", address) and not re.search(r"[\s\"<>]", address):
        return True
    outside = ":" in address or address.startswith("/") or ".." in address.split("/")
    return not (outside or not address or re.search(r"[\s\"<>\\?#%]", address))


# What a description may hold. Headings start below the page's own; pictures belong to the gallery.
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "dl", "dt", "em", "h2", "h3", "h4", "hr",
    "i", "li", "ol", "p", "s", "small", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr",
    "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "abbr": {"title"}, "td": {"colspan"}, "th": {"colspan", "scope"}}


def clean_html(html: str) -> str:
    """The description without script, style, frames, event handlers, or links to what is not the web."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"https", "http", "mailto"},
        link_rel="nofollow noopener",
    ).strip()
