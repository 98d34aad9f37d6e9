"""Search and lists over a real database: words forgiven, pages and cursors complete."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from app.catalog import importer, service
from app.catalog.queries import Sort
from app.catalog.search_queries import Filters
from app.core.database import Database
from app.core.problems import NotFound, Problem
from tests.app.catalog.sheets import product, row, save, unique


async def stock(database: Database, folder: Path, *rows: dict[str, object]) -> None:
    faults: list[object] = []
    await importer.import_file(database, save(folder, *rows), faults.append)
    assert not faults


@pytest.fixture(scope="module")
def shelf() -> str:
    return unique("shelf")


@pytest.fixture(scope="module")
def handles() -> list[str]:
    return [unique(name) for name in ("kettle", "teapot", "tray", "samovar")]


@pytest.fixture
async def shop(database: Database, tmp_path: Path, shelf: str, handles: list[str]) -> Database:
    """Four products of one collection; loading them again changes nothing."""
    kettle, teapot, tray, samovar = handles
    await stock(
        database,
        tmp_path,
        product(kettle, title="Zinnober Kettle", collection=shelf, variant_price="30", tags="Wülfing"),
        product(
            teapot, title="Zinnober Teapot", collection=shelf, variant_price="20", body="<p>With quaxels.</p>"
        ),
        product(tray, title="Zinnober Tray", collection=shelf, variant_price="10", variant_inventory_qty="0"),
        product(samovar, title="Zinnober Samovar", collection=shelf, variant_price="40", published="FALSE"),
    )
    return database


async def search(database: Database, terms: str) -> list[str]:
    listing = await service.list_page(database, service.Selection(terms=terms))
    return [card.title for card in listing.cards]


async def test_all_words_must_fit_and_what_can_be_had_comes_first(shop: Database) -> None:
    assert await search(shop, "zinnober teapot") == ["Zinnober Teapot"]
    assert (await search(shop, "zinnober"))[-1] == "Zinnober Tray"


async def test_plural_accents_case_and_beginnings_of_words_do_not_matter(shop: Database) -> None:
    assert await search(shop, "ZINNOBER Kettles") == ["Zinnober Kettle"]
    assert await search(shop, "wulfing") == ["Zinnober Kettle"]
    assert await search(shop, "quax") == ["Zinnober Teapot"]


async def test_a_misspelt_word_finds_the_nearest_one_and_the_answer_says_so(shop: Database) -> None:
    listing = await service.list_page(shop, service.Selection(terms="zinober tepot"))
    assert [card.title for card in listing.cards] == ["Zinnober Teapot"]
    assert (listing.title, listing.mended) == ("zinnober teapot", True)


async def test_words_that_no_product_has_together_find_those_that_have_some(shop: Database) -> None:
    assert set(await search(shop, "quaxels wulfing")) == {"Zinnober Kettle", "Zinnober Teapot"}


async def test_what_is_not_published_is_never_found(shop: Database, handles: list[str]) -> None:
    assert "Zinnober Samovar" not in await search(shop, "zinnober samovar")
    with pytest.raises(NotFound):
        await service.read_product(shop, handles[3])


@pytest.mark.parametrize(
    "terms", ["", " ", "%", "':*", "& | !", "\\", "the", "a'b\"c", "🫖", "x" * 100, "(((", "_"]
)
async def test_no_search_is_an_error(shop: Database, terms: str) -> None:
    await search(shop, terms)


async def test_a_collection_is_sorted_and_filtered(shop: Database, shelf: str) -> None:
    async def titles(**wanted: object) -> list[str]:
        selection = service.Selection(collection=shelf, **wanted)  # type: ignore[arg-type]
        return [card.title.split()[1] for card in (await service.list_page(shop, selection)).cards]

    assert await titles() == ["Kettle", "Teapot", "Tray"]
    assert await titles(sort=Sort.CHEAPEST) == ["Tray", "Teapot", "Kettle"]
    assert await titles(sort=Sort.DEAREST) == ["Kettle", "Teapot", "Tray"]
    assert await titles(sort=Sort.NEWEST) == ["Tray", "Teapot", "Kettle"]
    assert await titles(sort=Sort.TITLE) == ["Kettle", "Teapot", "Tray"]
    assert await titles(in_stock=True) == ["Kettle", "Teapot"]
    assert await titles(price_from=1500, price_to=2500) == ["Teapot"]


async def test_a_collection_or_page_that_is_not_there_is_not_found(shop: Database, shelf: str) -> None:
    for selection in (
        service.Selection(collection="nowhere"),
        service.Selection(collection=shelf, page=2),
        service.Selection(page=service.MOST_PAGES + 1),
    ):
        with pytest.raises(NotFound):
            await service.list_page(shop, selection)


async def test_a_collection_whose_every_product_is_filtered_away_is_still_there(
    shop: Database, shelf: str
) -> None:
    listing = await service.list_page(shop, service.Selection(collection=shelf, price_from=10**8))
    assert (listing.title, listing.total, listing.cards) == (shelf, 0, [])


@pytest.mark.parametrize("terms", ["", "zinnober"])
async def test_the_cursor_visits_each_product_once(
    shop: Database, shelf: str, handles: list[str], terms: str
) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        part = await service.list_slice(
            shop, Filters(terms=terms or None, collection=shelf), limit=2, cursor=cursor
        )
        assert len(part.cards) <= 2
        seen += [card.handle for card in part.cards]
        cursor = part.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(handles[:3])


@pytest.mark.parametrize("cursor", ["x", "!!!!", "W10", "WyJhIiwxXQ", "WzAsLTVd", "WzAsMWUzMDBd", "é"])
async def test_a_made_up_cursor_is_refused(shop: Database, cursor: str) -> None:
    with pytest.raises(Problem, match="next_cursor"):
        await service.list_slice(shop, Filters(), limit=2, cursor=cursor)


async def test_a_product_comes_with_its_neighbours(shop: Database, handles: list[str]) -> None:
    found, related = await service.read_product_page(shop, handles[0], 4)
    assert found.title == "Zinnober Kettle"
    assert found.variants[0].available == 5
    assert related == []  # The others have no picture to show.


@pytest.mark.parametrize("typed", ["zinnobre teapot", "zinnober tepaot", "iznnober teapot"])
async def test_two_letters_that_changed_places_are_put_right(shop: Database, typed: str) -> None:
    listing = await service.list_page(shop, service.Selection(terms=typed))
    assert [card.title for card in listing.cards] == ["Zinnober Teapot"]
    assert listing.title == "zinnober teapot"


@pytest.fixture
async def wardrobe(database: Database, tmp_path: Path) -> str:
    """A collection of three shirts: two makers, sizes and colours, one sold out."""
    name = unique("wardrobe")

    def shirt(maker: str, colour: str, *sizes: str, price: str, units: str = "5") -> list[dict[str, object]]:
        handle = unique("shirt")
        named = {"option1_name": "Colour", "option2_name": "Size", "vendor": maker, "type": "Shirt"}
        first = product(
            handle,
            collection=name,
            option1_value=colour,
            option2_value=sizes[0],
            variant_price=price,
            variant_inventory_qty=units,
            **named,
        )
        more = [
            row(handle, option1_value=colour, option2_value=size, variant_price=price) for size in sizes[1:]
        ]
        return [first, *more]

    await stock(
        database,
        tmp_path,
        *shirt("Nørr", "Red", "S", "M", price="8"),
        *shirt("Nørr", "Blue", "M", price="30"),
        *shirt("Vale", "Blue", "L", price="70", units="0"),
    )
    return name


def counts(groups: list[service.FacetGroup]) -> dict[str, dict[str, int | None]]:
    return {group.name: {one.value: one.products for one in group.values} for group in groups}


async def test_facets_count_what_each_choice_would_show(database: Database, wardrobe: str) -> None:
    found = counts(await service.list_facets(database, Filters(wardrobe)))
    assert found == {
        "option.colour": {"Blue": 2, "Red": 1},
        "option.size": {"M": 2, "L": 1, "S": 1},
        "type": {"Shirt": 3},
        "vendor": {"Nørr": 2, "Vale": 1},
        "price": {"0": 1, "2": 1, "3": 1},
        "stock": {"1": 2},
    }


async def test_several_values_of_a_group_add_up_and_groups_narrow_each_other(
    database: Database, wardrobe: str
) -> None:
    async def total(**choices: tuple[str, ...]) -> int:
        named = {name.replace("_", "."): values for name, values in choices.items()}
        return (await service.list_page(database, service.Selection(wardrobe, choices=named))).total

    assert await total(option_colour=("Blue",)) == 2
    assert await total(option_colour=("Blue", "Red")) == 3
    assert await total(option_colour=("Blue",), vendor=("Vale",)) == 1
    assert await total(option_colour=("Blue",), option_size=("S",)) == 0
    found = counts(await service.list_facets(database, Filters(wardrobe, choices={"vendor": ("Vale",)})))
    assert found["vendor"] == {"Nørr": 2, "Vale": 1}, "its own choice must not hide the others"
    assert found["option.colour"] == {"Blue": 1}


@pytest.mark.parametrize("sort", [None, *Sort])
@pytest.mark.parametrize("terms", [None, "shirt"])
async def test_the_cursor_visits_each_product_once_in_every_order(
    database: Database, wardrobe: str, sort: Sort | None, terms: str | None
) -> None:
    filters = Filters(wardrobe, terms)
    whole = await service.list_slice(database, filters, sort=sort, limit=10)
    seen, cursor = [], None
    while True:
        part = await service.list_slice(database, filters, sort=sort, limit=1, cursor=cursor)
        seen += [card.id for card in part.cards]
        if (cursor := part.next_cursor) is None:
            break
    assert seen == [card.id for card in whole.cards]
    assert len(seen) == 3


async def test_the_pages_and_the_api_filter_by_facets(client: httpx.Client, wardrobe: str) -> None:
    page = client.get(f"/collections/{wardrobe}", params={"option.colour": ["Blue", "Red"], "vendor": "Nørr"})
    assert page.status_code == 200
    assert page.text.count('<article class="card">') == 2
    assert 'name="option.colour" value="Blue" checked' in page.text
    asked = {"collection": wardrobe, "option": ["colour:Blue"], "in_stock": "true", "facets": "true"}
    answer = client.get("/api/v1/products", params=asked).json()
    assert [one["vendor"] for one in answer["items"]] == ["Nørr"]
    assert {group["name"] for group in answer["facets"]} >= {"vendor", "option.size", "price", "stock"}
    wrong = client.get("/api/v1/products", params={"option": "colour"})
    assert wrong.status_code == 422
    assert "name:value" in wrong.text
