"""The pages and the products API over HTTP, as shoppers, robots and caches meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from app.catalog import importer
from app.core.database import Database
from app.core.settings import Settings
from tests.app.catalog.sheets import product, row, save, unique

EVIL = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def shelf() -> str:
    return unique("window")


@pytest.fixture(scope="module")
def handle() -> str:
    return unique("lamp")


@pytest.fixture
async def shop(
    client: httpx.Client, database: Database, tmp_path: Path, shelf: str, handle: str
) -> httpx.Client:
    """A client of a shop with a lamp in two colours, one of them sold out."""
    file = save(
        tmp_path,
        product(handle, title=f"Lamp {EVIL}", collection=shelf, option1_name="Colour", option1_value="Red",
                variant_price="49.90", body=f"<p>Bright.</p>{EVIL}", image_src="products/lamp.svg",
                image_alt_text="A lamp", vendor=EVIL),
        row(handle, option1_value="Blue", variant_price="59", variant_inventory_qty="0"),
    )  # fmt: skip
    await importer.import_file(database, file, lambda fault: pytest.fail(str(fault)))
    return client


def pages_of(shelf: str, handle: str) -> list[str]:
    return [
        "/",
        "/collections",
        "/collections/all",
        f"/collections/{shelf}",
        "/search?q=lamp",
        f"/products/{handle}",
    ]


def test_every_page_may_be_kept_by_the_edge_and_sets_no_cookie(
    shop: httpx.Client, shelf: str, handle: str
) -> None:
    for path in [*pages_of(shelf, handle), "/fragments/added", "/robots.txt", "/sitemap.xml"]:
        answer = shop.get(path, headers={"Cookie": "cart=anything"})
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"].startswith("public, max-age="), path
        assert "set-cookie" not in answer.headers, path


def test_who_has_a_page_already_does_not_get_it_again(shop: httpx.Client, shelf: str, handle: str) -> None:
    for path in [*pages_of(shelf, handle), f"/api/v1/products/{handle}"]:
        tag = shop.get(path).headers["etag"]
        again = shop.get(path, headers={"If-None-Match": f"W/{tag}"})
        assert (again.status_code, again.content) == (304, b""), path
        assert shop.get(path, headers={"If-None-Match": '"another"'}).status_code == 200


def test_no_page_carries_script_of_its_own_or_of_a_merchant(
    shop: httpx.Client, shelf: str, handle: str
) -> None:
    for path in pages_of(shelf, handle):
        text = shop.get(path).text
        assert "alert(1)</script>" not in text.replace("&lt;/script&gt;", ""), path
        assert not re.search(r"<script(?! (src=|type=\"application/ld\+json\"))", text), path
        assert not re.search(r"\s(style|on\w+)=", text), path


def test_a_page_has_one_heading_a_title_and_names_for_its_pictures(
    shop: httpx.Client, shelf: str, handle: str
) -> None:
    for path in pages_of(shelf, handle):
        text = shop.get(path).text
        assert len(re.findall("<h1[ >]", text)) == 1, path
        assert re.search(r"<title>[^<]+</title>", text), path
        assert all("alt=" in image for image in re.findall("<img[^>]*>", text)), path
        assert '<html lang="en">' in text, path


def test_structured_data_is_whole_whatever_a_product_is_called(shop: httpx.Client, handle: str) -> None:
    text = shop.get(f"/products/{handle}").text
    found = [
        json.loads(data) for data in re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
    ]
    assert [data["@type"] for data in found] == ["Product", "BreadcrumbList"]
    assert found[0]["name"] == f"Lamp {EVIL}"
    assert [offer["price"] for offer in found[0]["offers"]] == ["49.90", "59.00"]


def test_the_product_page_sells_without_javascript(shop: httpx.Client, handle: str) -> None:
    text = shop.get(f"/products/{handle}").text
    variant = re.search(r'name="variant_id" value="(\d+)"', text)
    assert variant
    answer = shop.post("/cart/lines", data={"variant_id": variant[1], "quantity": "2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cart")
    assert "€99.80" in shop.get("/cart").text


def test_a_sold_out_choice_says_so_and_cannot_be_bought(shop: httpx.Client, handle: str) -> None:
    variants = shop.get(f"/api/v1/products/{handle}").json()["variants"]
    text = shop.get(f"/products/{handle}", params={"variant": variants[1]["id"]}).text
    assert "Sold out in this choice" in text
    assert re.search(r'<button class="button" type="submit" disabled>', text)
    assert (
        f'<link rel="canonical" href="{shop.base_url}/products/{handle}">'.replace("//products", "/products")
        in text
    )


def test_what_does_not_exist_answers_404_with_a_page(shop: httpx.Client) -> None:
    for path in (
        "/products/nothing",
        "/collections/nothing",
        "/collections/all?page=399",
        "/static/none.css",
        "/static/..%2f..%2fetc%2fpasswd",
        "/products/%00",
        "/sitemaps/99",
        "/nothing",
    ):
        answer = shop.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["cache-control"] == "no-store", path
        assert "<h1>Not found</h1>" in answer.text, path


def test_static_files_are_kept_for_good_under_an_address_of_their_content(shop: httpx.Client) -> None:
    page = shop.get("/").text
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(addresses) == 3
    for address in addresses:
        answer = shop.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert "text/css" in shop.get(next(a for a in addresses if a.endswith(".css"))).headers["content-type"]


def test_a_file_of_another_version_is_answered_but_never_kept(shop: httpx.Client) -> None:
    address = re.search(r"/static/site\.[0-9a-f]{12}\.css", shop.get("/").text)
    assert address
    strange = re.sub("[0-9a-f]{12}", "0" * 12, address[0])
    answer = shop.get(strange)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.content == shop.get(address[0]).content


def test_robots_find_every_product_through_the_sitemap(shop: httpx.Client, shelf: str, handle: str) -> None:
    robots = shop.get("/robots.txt").text
    index = robots.split("Sitemap: ")[1].strip()
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    parts = ElementTree.fromstring(shop.get(index).content).findall("s:sitemap/s:loc", space)
    found = {
        str(place.text)
        for part in parts
        for place in ElementTree.fromstring(shop.get(str(part.text)).content).findall("s:url/s:loc", space)
    }
    assert {
        f"{index.removesuffix('/sitemap.xml')}{path}"
        for path in (f"/products/{handle}", f"/collections/{shelf}")
    } <= found


def test_the_api_lists_products_of_a_collection_and_of_a_search(
    shop: httpx.Client, settings: Settings, shelf: str, handle: str
) -> None:
    answer = shop.get("/api/v1/products", params={"collection": shelf, "query": "lamp"}).json()
    assert answer["next_cursor"] is None
    [item] = answer["items"]
    assert item["handle"] == handle
    assert item["price"] == {"amount": 4990, "currency": "EUR"}
    assert item["price_max"] == {"amount": 5900, "currency": "EUR"}
    assert item["image"] == f"{settings.media_url}/products/lamp.svg"
    assert item["in_stock"]


def test_the_api_answers_a_product_with_what_can_be_bought(shop: httpx.Client, handle: str) -> None:
    answer = shop.get(f"/api/v1/products/{handle}").json()
    assert [(v["title"], v["price"]["amount"], v["available"]) for v in answer["variants"]] == [
        ("Red", 4990, 5), ("Blue", 5900, 0),
    ]  # fmt: skip
    assert answer["options"] == ["Colour"]
    assert "<script" not in answer["description_html"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/products?limit=0", 422),
        ("/api/v1/products?limit=101", 422),
        ("/api/v1/products?limit=many", 422),
        ("/api/v1/products?cursor=made-up", 400),
        ("/api/v1/products?query=%00", 422),
        (f"/api/v1/products?query={'x' * 101}", 422),
        ("/api/v1/products?collection=nothing", 404),
        ("/api/v1/products/nothing", 404),
        ("/api/v1/products/%00", 404),
    ],
)
def test_the_api_answers_bad_input_with_a_problem(shop: httpx.Client, path: str, status: int) -> None:
    answer = shop.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["status"] == status


def test_the_navigation_shows_the_first_collections(shop: httpx.Client) -> None:
    navigation = re.search(r'<nav class="site-nav".*?</nav>', shop.get("/").text, re.S)
    assert navigation
    assert "/collections/all" in navigation[0]
