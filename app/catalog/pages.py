"""What the catalogue's pages show, made from what was read: pure functions, so that tests compare values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from litestar.datastructures import MultiDict

from app.catalog.queries import Sort
from app.catalog.search_queries import PRICE_ENDS
from app.catalog.service import CollectionLink, FacetGroup, Listing, Picture, Product, Selection, Variant
from app.core.money import CURRENCY, format_money

# Below this the page says how many are left.
FEW = 5
MOST_AT_ONCE = 99
LONGEST_SEARCH = 100
# Nobody ticks more; an address that has more was made up.
MOST_CHOICES = 60

SORT_NAMES = {
    Sort.FEATURED: "Featured",
    Sort.NEWEST: "Newest",
    Sort.CHEAPEST: "Price, low to high",
    Sort.DEAREST: "Price, high to low",
    Sort.TITLE: "Name",
}


def read_selection(
    query: Mapping[str, str], *, collection: str | None = None, search: bool = False
) -> Selection:
    """The selection that a page's query string asks for; what makes no sense in it is left out.

    An address that someone shortened or mistyped shows more than was asked for, rather than an error.
    """
    sort = query.get("sort", "")
    page = query.get("page", "1")
    return Selection(
        collection=collection,
        terms=" ".join(query.get("q", "").replace("\0", " ").split())[:LONGEST_SEARCH] if search else None,
        sort=Sort(sort) if sort in list(Sort) else None,
        price_from=_minor_units(query.get("from", "")),
        price_to=_minor_units(query.get("to", "")),
        in_stock=query.get("in_stock") == "1",
        choices=read_choices(query),
        page=int(page) if re.fullmatch("[0-9]{1,6}", page) else 1,
    )


def read_choices(query: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The facets of a query string: `vendor`, `type`, `option.<name>`, once per chosen value."""
    pairs = query.multi_items() if isinstance(query, MultiDict) else query.items()
    choices: dict[str, tuple[str, ...]] = {}
    for name, value in list(pairs)[:MOST_CHOICES]:
        known = name in ("vendor", "type") or name.startswith("option.")
        if known and value and "\0" not in name + value and value not in choices.get(name, ()):
            choices[name] = (*choices.get(name, ()), value[:255])
    return choices


def _minor_units(text: str) -> int | None:
    try:
        amount = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return int(amount * 100) if amount.is_finite() and 0 <= amount < 10**9 else None


def listing_address(path: str, selection: Selection, **changes: Any) -> str:
    """The address of the same list with `changes` of the selection; its first page unless they name one."""
    wanted = replace(selection, **{"page": 1, **changes})
    query: dict[str, Any] = {}
    if wanted.terms is not None:
        query["q"] = wanted.terms
    if wanted.sort:
        query["sort"] = wanted.sort
    if wanted.price_from is not None:
        query["from"] = major_units(wanted.price_from)
    if wanted.price_to is not None:
        query["to"] = major_units(wanted.price_to)
    if wanted.in_stock:
        query["in_stock"] = "1"
    query |= {name: list(values) for name, values in wanted.choices.items()}
    if wanted.page > 1:
        query["page"] = str(wanted.page)
    return f"{path}?{urlencode(query, doseq=True)}" if query else path


def major_units(amount: int | None) -> str:
    """1250 → "12.50", 1200 → "12": as one types it into the price filter."""
    if amount is None:
        return ""
    return f"{amount // 100}.{amount % 100:02d}" if amount % 100 else str(amount // 100)


def listing_context(path: str, selection: Selection, listing: Listing) -> dict[str, Any]:
    """What the templates of lists need: the products, the filters as they stand, where other pages are."""

    def page_address(page: int) -> str:
        return listing_address(path, selection, page=page)

    sorts = [sort for sort in Sort if sort != Sort.FEATURED or selection.terms is None]
    return {
        "path": path,
        "selection": selection,
        "listing": listing,
        "sorts": [(sort.value, SORT_NAMES[sort]) for sort in sorts],
        "price_from": major_units(selection.price_from),
        "price_to": major_units(selection.price_to),
        "filtered": bool(
            (selection.price_from, selection.price_to, selection.in_stock) != (None, None, False)
            or selection.choices
        ),
        "facets": [name_facet(group) for group in listing.facets if group.name not in ("price", "stock")],
        "prices": _price_links(path, selection, listing),
        "plain": listing_address(path, Selection(terms=selection.terms)),
        "previous": page_address(listing.page - 1) if listing.page > 1 else None,
        "next": page_address(listing.page + 1) if listing.page < listing.pages else None,
    }


def name_facet(group: FacetGroup) -> tuple[str, FacetGroup]:
    """A group with its heading: `option.colour` → Colour."""
    return group.name.removeprefix("option.").capitalize(), group


def _price_links(path: str, selection: Selection, listing: Listing) -> list[tuple[str, str, int | None]]:
    """The price ranges that have something to show: what they are called, where they lead, how many."""
    ranges = next((group.values for group in listing.facets if group.name == "price"), [])
    links = []
    for found in sorted(ranges, key=lambda one: int(one.value)):
        number = int(found.value)
        low = PRICE_ENDS[number - 1] if number else None
        high = PRICE_ENDS[number] if number < len(PRICE_ENDS) else None
        named = f"up to {format_money(high)}" if low is None and high else f"from {format_money(low or 0)}"
        if low and high:
            named = f"{format_money(low)} to {format_money(high)}"
        address = listing_address(
            path, selection, price_from=low, price_to=None if high is None else high - 1
        )
        links.append((named, address, found.products))
    return links


@dataclass(frozen=True)
class Choice:
    """A value of an option, and the variant that choosing it leads to."""

    value: str
    address: str
    chosen: bool
    available: bool


@dataclass(frozen=True)
class Thumbnail:
    """A picture of the gallery, and the address that shows it large."""

    picture: Picture
    address: str
    shown: bool


def choose_variant(product: Product, wanted: str) -> Variant:
    """The variant with the id that the address names, else the first that can be had, else the first."""
    for variant in product.variants:
        if str(variant.id) == wanted:
            return variant
    return next((variant for variant in product.variants if variant.available), product.variants[0])


def list_choices(product: Product, variant: Variant) -> list[tuple[str, str, list[Choice]]]:
    """Per option: its name, the value of the chosen variant, and what else can be chosen.

    Another value leads to the variant that differs in this option alone; where there is none, to the one that
    differs least, rather one that can be had.
    """
    choices = []
    for place, name in enumerate(product.options):
        values = dict.fromkeys(other.options[place] for other in product.variants if other.options[place])
        if list(values) in ([], ["Default Title"]):
            continue
        shown = []
        for value in values:
            target = _nearest(product, variant, place, value)
            chosen = value == variant.options[place]
            shown.append(Choice(value, variant_address(product, target), chosen, target.available > 0))
        choices.append((name, variant.options[place], shown))
    return choices


def _nearest(product: Product, variant: Variant, place: int, value: str) -> Variant:
    same = [other for other in product.variants if other.options[place] == value]
    wanted = [*variant.options]
    wanted[place] = value

    def distance(other: Variant) -> tuple[int, bool]:
        unlike = sum(a != b for a, b in zip(other.options, wanted, strict=True))
        return unlike, other.available == 0

    return min(same, key=distance)


def variant_address(product: Product, variant: Variant) -> str:
    return f"/products/{product.handle}?variant={variant.id}"


def list_thumbnails(
    product: Product, variant: Variant, wanted: str
) -> tuple[Picture | None, list[Thumbnail]]:
    """The large picture, and the row below it.

    `wanted` is a picture's place in the gallery, or anything else for the variant's own. A picture of another
    variant leads to that variant.
    """
    pictures = product.pictures or ([Picture(product.image, product.image_alt)] if product.image else [])
    if wanted.isdecimal() and 1 <= int(wanted) <= len(pictures):
        large: Picture | None = pictures[int(wanted) - 1]
    else:
        shown = variant.image or product.image
        known = [picture for picture in pictures if picture.path == shown]
        large = known[0] if known else Picture(shown, product.title) if shown else None
    owners: dict[str, Variant] = {variant.image: variant} if variant.image else {}
    for other in product.variants:
        if other.image:
            owners.setdefault(other.image, other)
    row = []
    for place, picture in enumerate(pictures, 1):
        owner = owners.get(picture.path)
        address = variant_address(product, owner or variant) + ("" if owner else f"&picture={place}")
        row.append(Thumbnail(picture, address, picture == large))
    return large, row if len(row) > 1 else []


Address = Callable[[str], str]


def product_data(product: Product, *, public_url: Address, media_url: Address) -> dict[str, Any]:
    """The product in schema.org's words, as JSON-LD."""
    page = public_url(f"/products/{product.handle}")
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.title,
        "url": page,
        "description": describe(product),
        "image": [media_url(picture.path) for picture in product.pictures],
        "category": product.kind,
        "offers": [
            {
                "@type": "Offer",
                "name": variant.title or product.title,
                "sku": variant.sku,
                "url": f"{page}?variant={variant.id}",
                "price": f"{variant.price // 100}.{variant.price % 100:02d}",
                "priceCurrency": CURRENCY,
                "availability": f"https://schema.org/{'InStock' if variant.available else 'OutOfStock'}",
            }
            for variant in product.variants
        ],
    }
    if product.vendor:
        data["brand"] = {"@type": "Brand", "name": product.vendor}
    return data


def crumbs_data(crumbs: list[tuple[str, str]], *, public_url: Address) -> dict[str, Any]:
    """Breadcrumbs, (title, path) each, as JSON-LD."""
    return {
        "@context": "https://schema.org",
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": title, "item": public_url(path)}
            for place, (title, path) in enumerate(crumbs, 1)
        ],
    }


def product_crumbs(product: Product) -> list[tuple[str, str]]:
    """The way from the home page to the product, through its first collection."""
    collection = product.collections[0] if product.collections else CollectionLink("all", "All products")
    return [
        ("Home", "/"),
        (collection.title, f"/collections/{collection.handle}"),
        (product.title, f"/products/{product.handle}"),
    ]


def describe(product: Product) -> str:
    """One or two sentences without markup, for search engines and previews."""
    if product.seo_description:
        return product.seo_description
    text = " ".join(re.sub("<[^>]*>", " ", product.body_html).split())
    return text if len(text) <= 160 else f"{text[:160].rsplit(' ', 1)[0]} …"
