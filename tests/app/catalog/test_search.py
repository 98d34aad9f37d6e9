"""Search and lists over a real database: words forgiven, pages and cursors complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog import importer, service
from app.catalog.queries import Sort
from app.core.database import Database
from app.core.problems import NotFound, Problem
from tests.app.catalog.sheets import product, save, unique


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
        part = await service.list_slice(shop, terms=terms, collection=shelf, limit=2, cursor=cursor)
        assert len(part.cards) <= 2
        seen += [card.handle for card in part.cards]
        cursor = part.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(handles[:3])


@pytest.mark.parametrize("cursor", ["x", "!!!!", "W10", "WyJhIiwxXQ", "WzAsLTVd", "WzAsMWUzMDBd", "é"])
async def test_a_made_up_cursor_is_refused(shop: Database, cursor: str) -> None:
    with pytest.raises(Problem, match="next_cursor"):
        await service.list_slice(shop, terms="", collection=None, limit=2, cursor=cursor)


async def test_a_product_comes_with_its_neighbours(shop: Database, handles: list[str]) -> None:
    found, related = await service.read_product_page(shop, handles[0], 4)
    assert found.title == "Zinnober Kettle"
    assert found.variants[0].available == 5
    assert related == []  # The others have no picture to show.
