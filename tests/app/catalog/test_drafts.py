"""Product CSVs as shops really have them: good rows load, bad ones are named by line."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.drafts import Fault, ProductDraft, UnreadableError, clean_html, read_drafts, slug
from app.catalog.exporter import COLUMNS
from tests.app.catalog.sheets import product, row, sheet


def read(text: str) -> tuple[list[ProductDraft], list[Fault]]:
    drafts: list[ProductDraft] = []
    faults: list[Fault] = []
    for item in read_drafts(io.StringIO(text, newline="")):
        if isinstance(item, Fault):
            faults.append(item)
        else:
            drafts.append(item)
    return drafts, faults


def read_one(**cells: str) -> ProductDraft:
    drafts, faults = read(sheet(product("mug", **cells)))
    assert not faults
    return drafts[0]


def refused(**cells: str) -> str:
    """The reason why a product with these cells is refused."""
    _, faults = read(sheet(product("mug", **cells)))
    assert [fault.line for fault in faults] == [2]
    return faults[0].reason


def test_rows_of_one_handle_become_one_product_with_its_variants_and_pictures() -> None:
    drafts, faults = read(
        sheet(
            product("mug", option1_name="Colour", option1_value="Red", image_src="p/red.svg", tags="a, b ,"),
            row("mug", option1_value="Blue", variant_price="12", image_src="p/blue.svg", image_position="2"),
            row("mug", image_src="https://cdn.example.com/box.jpg", image_alt_text="The box"),
            product("bowl"),
        )
    )
    assert not faults
    mug, bowl = drafts
    assert [variant.title for variant in mug.variants] == ["Red", "Blue"]
    assert [variant.price for variant in mug.variants] == [1000, 1200]
    assert mug.pictures == [
        (1, "p/red.svg", ""),
        (2, "p/blue.svg", ""),
        (3, "https://cdn.example.com/box.jpg", "The box"),
    ]
    assert mug.tags == ["a", "b"]
    assert bowl.variants[0].title == ""


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0", 0), ("12", 1200), ("12.5", 1250), ("12.50", 1250), ("12.5000", 1250), ("0.07", 7)],
)
def test_prices_are_read_to_the_cent(text: str, amount: int) -> None:
    assert read_one(variant_price=text).variants[0].price == amount


@pytest.mark.parametrize("text", ["abc", "-1", "12,50", "1e3", "12.345", "€5", "99999999999", "١٢"])
def test_a_price_that_is_none_is_refused_and_quoted(text: str) -> None:
    assert refused(variant_price=text) == f"Variant Price is {text!r}: it must be a number such as 12.50"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"title": ""}, "Title is empty"),
        ({"variant_inventory_qty": "many"}, "Variant Inventory Qty is 'many'"),
        ({"variant_inventory_qty": "3000000000"}, "Variant Inventory Qty is '3000000000'"),
        ({"variant_grams": "-5"}, "Variant Grams is '-5'"),
        ({"variant_grams": "inf"}, "Variant Grams is 'inf'"),
        ({"published": "maybe"}, "Published is 'maybe'"),
        ({"status": "gone"}, "Status is 'gone'"),
        ({"image_src": "javascript:alert(1)"}, "Image Src is 'javascript:alert(1)'"),
        ({"image_src": "../../etc/passwd"}, "Image Src is '../../etc/passwd'"),
        ({"collection": "All"}, "Collection is 'All'"),
        ({"collection": "¿?"}, "Collection is '¿?'"),
        ({"title": "a\0b"}, "Title holds a zero byte"),
    ],
)
def test_each_bad_cell_is_named_with_its_column_and_value(cells: dict[str, str], reason: str) -> None:
    assert refused(**cells).startswith(reason)


def test_the_good_variants_of_a_product_survive_a_bad_one() -> None:
    drafts, faults = read(
        sheet(
            product("mug", option1_value="Red"),
            row("mug", option1_value="Blue", variant_price="free"),
            row("mug", option1_value="Green", variant_price="11"),
        )
    )
    assert [variant.title for variant in drafts[0].variants] == ["Red", "Green"]
    assert not drafts[0].complete
    assert [fault.line for fault in faults] == [3]


def test_rows_of_a_product_without_a_first_row_say_where_it_was_refused() -> None:
    drafts, faults = read(sheet(product("mug", title=""), row("mug", option1_value="B", variant_price="1")))
    assert not drafts
    assert faults[1] == Fault(3, "belongs to product 'mug', whose first row (line 2) was refused")


def test_the_same_variant_twice_is_refused() -> None:
    _, faults = read(sheet(product("mug"), row("mug", option1_value="Default Title", variant_price="1")))
    assert faults[0].line == 3
    assert "is there twice" in faults[0].reason


def test_a_line_is_counted_as_editors_do_even_after_a_description_of_several_lines() -> None:
    _, faults = read(sheet(product("mug", body="<p>one\ntwo\nthree</p>"), product("bowl", variant_price="x")))
    assert faults[0].line == 5


def test_a_row_that_is_too_short_or_too_long_is_refused_alone() -> None:
    header, first = sheet(product("mug")).splitlines()
    drafts, faults = read("\n".join([header, first, "bowl,Bowl", f"{first},extra".replace("mug", "cup")]))
    assert [draft.handle for draft in drafts] == ["mug"]
    assert [fault.line for fault in faults] == [3, 4]
    assert faults[0].reason == f"has 2 cells where the header has {len(COLUMNS)}"


def test_a_quote_that_is_not_closed_costs_no_more_than_the_rows_it_swallows() -> None:
    lines = sheet(*(product(f"mug-{n}", body="<p>good</p>, really") for n in range(6))).splitlines()
    lines[2] = lines[2].replace('really"', "really")
    drafts, faults = read("\n".join(lines))
    assert [fault.line for fault in faults][:1] == [3]
    assert {draft.handle for draft in drafts} >= {"mug-0", "mug-4", "mug-5"}
    assert "quote" in faults[0].reason


def test_a_row_that_is_not_utf8_is_refused_alone() -> None:
    text = sheet(product("mug", vendor="Möbel"), product("bowl")).encode("latin-1")
    drafts, faults = read(text.decode("utf-8", "surrogateescape"))
    assert [draft.handle for draft in drafts] == ["bowl"]
    assert faults == [Fault(2, "Vendor is not UTF-8: save the file as UTF-8")]


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", "\0\0\0", "Handle,Title\n"])
def test_what_is_no_product_csv_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(UnreadableError, match="header has no column"):
        read(text)


def test_drafts_are_not_shown() -> None:
    assert read_one().published
    assert not read_one(status="draft").published
    assert not read_one(published="FALSE").published


def test_gift_cards_are_told_by_the_products_first_row_or_by_their_own() -> None:
    rows = [
        product("mug", gift_card="TRUE", option1_value="10"),
        row("mug", option1_value="20", variant_price="20"),
        row("mug", option1_value="Box", variant_price="3", gift_card="FALSE"),
    ]
    (draft,), faults = read(sheet(*rows))
    assert [variant.gift_card for variant in draft.variants] == [True, True, False]
    assert draft.published
    assert not faults


@pytest.mark.parametrize("price", ["0", "10000.01"])
def test_a_gift_card_that_is_worth_nothing_or_too_much_is_refused(price: str) -> None:
    _, (fault,) = read(sheet(product("card", gift_card="TRUE", variant_price=price)))
    assert fault.reason == f"Variant Price is '{price}': a gift card is worth it, from 0.01 to 10000"


def test_stock_below_zero_counts_as_none_and_an_empty_cell_as_unknown() -> None:
    assert read_one(variant_inventory_qty="-3").variants[0].units == 0
    assert read_one(variant_inventory_qty="").variants[0].units is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<p>Hi<script>alert(1)</script></p>", "<p>Hi</p>"),
        ('<p onclick="x()" style="color:red">Hi</p>', "<p>Hi</p>"),
        ('<a href="javascript:x()">a</a>', '<a rel="nofollow noopener">a</a>'),
        ('<iframe src="//evil"></iframe><b>ok</b>', "<b>ok</b>"),
        ("<ul><li>one</ul>", "<ul><li>one</li></ul>"),
    ],
)
def test_a_description_keeps_its_markup_and_loses_what_could_run(given: str, kept: str) -> None:
    assert clean_html(given) == kept


@given(st.text())
def test_a_slug_is_always_fit_for_an_address(text: str) -> None:
    made = slug(text)
    assert all(sign.isascii() and (sign.isalnum() or sign == "-") for sign in made)
    assert made == made.lower().strip("-")


@given(st.text(alphabet=st.sampled_from("a,\"\n\r\0'x;ü"), max_size=300))
def test_no_text_whatever_stops_the_reading(body: str) -> None:
    header, good = sheet(product("mug")).splitlines()
    read(f"{header}\n{body}\n{good}\n")
