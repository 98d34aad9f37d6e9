"""What the API says and is told of products and variants by those who manage them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from app.api.kinds import NO_ZERO, Block, Grams, Line, Moment, Name, PictureAddress, Price
from app.catalog.drafts import LONGEST_MM
from app.core.money import Money


class PictureEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A path under the media address, or a whole address, and what the picture shows."""

    path: Annotated[PictureAddress, msgspec.Meta(examples=["products/stoneware-mug.svg"])]
    alt: Line = ""


class ManagedVariant(msgspec.Struct, kw_only=True):
    """A variant, sold or not."""

    id: int
    title: str
    options: list[str]
    sku: str
    barcode: str
    price: Money
    compare_at_price: Money | None
    weight_grams: int
    requires_shipping: bool
    taxable: bool
    image: str | None
    active: bool
    size_mm: list[int] | None
    gift_card: bool


class ManagedProduct(msgspec.Struct, kw_only=True):
    """A product, published or not, with all of its variants; stock is asked for apart."""

    id: int
    handle: str
    title: str
    description_html: str
    vendor: str
    category: str
    type: str
    tags: list[str]
    options: list[str]
    seo_title: str
    seo_description: str
    published: bool
    created_at: Moment
    updated_at: Moment
    variants: list[ManagedVariant]
    pictures: list[PictureEntry]


class ManagedProductList(msgspec.Struct):
    """Some products; `next_cursor` is null at the end."""

    items: list[ManagedProduct]
    next_cursor: str | None


Tags = Annotated[list[Name], msgspec.Meta(max_length=50)]
Pictures = Annotated[list[PictureEntry], msgspec.Meta(max_length=50)]
Millimetres = Annotated[int, msgspec.Meta(ge=1, le=LONGEST_MM)]
Size = Annotated[
    list[Millimetres],
    msgspec.Meta(min_length=3, max_length=3, description="Length, width and height as it is packed"),
]


IsGiftCard = Annotated[
    bool,
    msgspec.Meta(
        description="For good: each unit that is paid becomes a gift card of its price, which is mailed",
        examples=[False],
    ),
]


class NewVariant(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A variant to be made; `options` has a value for each of the product's options."""

    price: Price
    options: Annotated[list[Name], msgspec.Meta(max_length=3, examples=[[]])] = []
    sku: Line = ""
    barcode: Line = ""
    compare_at_price: Price | None = None
    weight_grams: Grams = 0
    requires_shipping: bool = True
    taxable: bool = True
    image: PictureAddress | None = None
    active: bool = True
    size_mm: Size | None = None
    gift_card: IsGiftCard = False


class NewProduct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A product to be made; it stays unpublished unless said otherwise."""

    handle: Annotated[
        str,
        msgspec.Meta(
            min_length=1, max_length=255, pattern="^[a-z0-9][a-z0-9_.-]*$", examples=["stoneware-mug-large"]
        ),
    ]
    title: Name
    variants: Annotated[list[NewVariant], msgspec.Meta(min_length=1, max_length=100)]
    description_html: Block = ""
    vendor: Line = ""
    category: Line = ""
    type: Line = ""
    tags: Tags = []
    options: Annotated[list[Name], msgspec.Meta(max_length=3, examples=[[]])] = []
    seo_title: Line = ""
    seo_description: Annotated[str, msgspec.Meta(max_length=1000, pattern=NO_ZERO)] = ""
    published: bool = False
    pictures: Pictures = []


class ChangedProduct(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What shall be different; what is left out stays."""

    title: Name | UnsetType = UNSET
    description_html: Block | UnsetType = UNSET
    vendor: Line | UnsetType = UNSET
    category: Line | UnsetType = UNSET
    type: Line | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    seo_title: Line | UnsetType = UNSET
    seo_description: Annotated[str, msgspec.Meta(max_length=1000, pattern=NO_ZERO)] | UnsetType = UNSET
    published: bool | UnsetType = UNSET
    pictures: Pictures | UnsetType = UNSET


class ChangedVariant(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What shall be different; what is left out stays. A variant that is not `active` cannot be bought."""

    sku: Line | UnsetType = UNSET
    barcode: Line | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    compare_at_price: Price | UnsetType | None = UNSET
    weight_grams: Grams | UnsetType = UNSET
    requires_shipping: bool | UnsetType = UNSET
    taxable: bool | UnsetType = UNSET
    image: PictureAddress | UnsetType | None = UNSET
    active: bool | UnsetType = UNSET
    size_mm: Size | UnsetType | None = UNSET
