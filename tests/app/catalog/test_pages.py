"""What pages show, computed from what was read."""

from __future__ import annotations

import pytest

from app.catalog import pages
from app.catalog.queries import Sort
from app.catalog.service import CollectionLink, Listing, Picture, Product, Selection, Variant


def variant(
    id: int, *options: str, available: int = 1, image: str | None = None, price: int = 1000
) -> Variant:
    three = (*options, "", "", "")[:3]
    return Variant(
        id=id,
        sku=f"S-{id}",
        title=" / ".join(options),
        options=(three[0], three[1], three[2]),
        barcode="",
        price=price,
        compare_at=None,
        weight_grams=100,
        image=image,
        available=available,
    )


def shirt(*variants: Variant, options: tuple[str, ...] = ("Colour", "Size"), body: str = "") -> Product:
    return Product(
        id=1,
        handle="shirt",
        title="Shirt",
        body_html=body,
        vendor="Mill",
        kind="Shirt",
        tags=[],
        options=list(options),
        seo_title="",
        seo_description="",
        image="red.svg",
        image_alt="A shirt",
        variants=list(variants),
        pictures=[Picture("red.svg", "Red"), Picture("blue.svg", "Blue"), Picture("box.svg", "")],
        collections=[CollectionLink("tops", "Tops")],
    )


def test_a_query_string_becomes_a_selection() -> None:
    query = {"sort": "-price", "from": "10", "to": "20,50", "in_stock": "1", "page": "3"}
    assert pages.read_selection(query, collection="mugs") == Selection(
        "mugs", None, Sort.DEAREST, 1000, 2050, True, {}, 3
    )


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "'; DROP TABLE products"},
        {"from": "abc", "to": "-1"},
        {"from": "NaN", "to": "Infinity"},
        {"from": "1e99"},
        {"in_stock": "maybe"},
        {"page": "-1"},
        {"page": "١"},
        {"page": "99999999999999999999"},
    ],
)
def test_what_makes_no_sense_in_a_query_string_is_left_out(query: dict[str, str]) -> None:
    assert pages.read_selection(query) == Selection()


def test_search_words_are_trimmed_and_cut() -> None:
    assert pages.read_selection({"q": "  red \0 mug  "}, search=True).terms == "red mug"
    assert len(pages.read_selection({"q": "x" * 5000}, search=True).terms or "") == pages.LONGEST_SEARCH


def test_an_address_of_a_list_leads_back_to_the_same_selection() -> None:
    selection = Selection(None, "red mug & more", Sort.TITLE, 950, 2000, True, {"option.size": ("M", "L")}, 4)
    address = pages.listing_address("/search", selection, page=5)
    filters = "from=9.50&to=20&in_stock=1&option.size=M&option.size=L"
    assert address == f"/search?q=red+mug+%26+more&sort=title&{filters}&page=5"


def test_the_pager_has_no_page_before_the_first_and_none_after_the_last() -> None:
    def context(page: int) -> dict[str, object]:
        return pages.listing_context("/c", Selection(page=page), Listing("", "", False, 60, page, []))

    assert (context(1)["previous"], context(1)["next"]) == (None, "/c?page=2")
    assert (context(3)["previous"], context(3)["next"]) == ("/c?page=2", None)


def test_the_first_variant_that_can_be_had_is_chosen_unless_the_address_names_one() -> None:
    product = shirt(variant(1, "Red", "S", available=0), variant(2, "Red", "M"))
    assert pages.choose_variant(product, "").id == 2
    assert pages.choose_variant(product, "1").id == 1
    assert pages.choose_variant(product, "999").id == 2


def test_another_value_keeps_the_other_options() -> None:
    product = shirt(
        variant(1, "Red", "S"), variant(2, "Red", "M"), variant(3, "Blue", "S"), variant(4, "Blue", "M")
    )
    (_, _, colours), (_, chosen, sizes) = pages.list_choices(product, product.variants[1])
    assert [(choice.value, choice.address[-1], choice.chosen) for choice in colours] == [
        ("Red", "2", True), ("Blue", "4", False),
    ]  # fmt: skip
    assert chosen == "M"
    assert [choice.address[-1] for choice in sizes] == ["1", "2"]


def test_a_combination_that_does_not_exist_leads_to_one_that_can_be_had() -> None:
    product = shirt(
        variant(1, "Red", "S"), variant(2, "Blue", "L", available=0), variant(3, "Blue", "M", available=2)
    )
    (_, _, colours), _ = pages.list_choices(product, product.variants[0])
    assert colours[1].address.endswith("=3")


def test_a_product_without_options_offers_no_choice() -> None:
    product = shirt(variant(1, "Default Title"), options=("Title",))
    assert pages.list_choices(product, product.variants[0]) == []


def test_a_picture_of_a_variant_leads_to_it_and_any_other_picture_is_shown_for_the_chosen_one() -> None:
    product = shirt(variant(1, "Red", image="red.svg"), variant(2, "Blue", image="blue.svg"))
    large, row = pages.list_thumbnails(product, product.variants[0], "")
    assert large == Picture("red.svg", "Red")
    assert [(small.address, small.shown) for small in row] == [
        ("/products/shirt?variant=1", True),
        ("/products/shirt?variant=2", False),
        ("/products/shirt?variant=1&picture=3", False),
    ]
    large, _ = pages.list_thumbnails(product, product.variants[0], "3")
    assert large == Picture("box.svg", "")


def test_search_engines_are_told_price_and_availability_of_each_variant() -> None:
    product = shirt(variant(1, "Red", price=1999), variant(2, "Blue", available=0))
    data = pages.product_data(
        product, public_url="https://shop{}".format, media_url="https://media/{}".format
    )
    assert [(offer["price"], offer["availability"]) for offer in data["offers"]] == [
        ("19.99", "https://schema.org/InStock"),
        ("10.00", "https://schema.org/OutOfStock"),
    ]
    assert data["image"][0] == "https://media/red.svg"


def test_a_description_is_shortened_at_a_word() -> None:
    text = pages.describe(shirt(variant(1), body=f"<p>{'word ' * 100}</p>"))
    assert len(text) <= 162
    assert text.endswith("word …")
