"""A shopper in headless Chromium finds a product and buys it, with and without JavaScript."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from loadtests.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no Chromium on PATH: `make doctor` says how to install it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def page(request: pytest.FixtureRequest, browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[Page]:
    # Chromium keeps its own list of authorities; whether the CA vouches for the store is test_edge's concern.
    context = browser.new_context(
        base_url=stack.url,
        ignore_https_errors=True,
        java_script_enabled=request.param,
        extra_http_headers=stack.shopper("198.51.100.220"),
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.screenshot(path=tmp_path / "last.png", full_page=True)
    context.close()
    assert not complaints, complaints


def test_a_shopper_buys_a_product(page: Page) -> None:
    page.goto("/")
    page.get_by_role("searchbox").first.fill("mug")
    page.get_by_role("searchbox").first.press("Enter")
    page.locator("main a[href^='/products/']").first.click()
    title = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("button", name="Add to cart").click()
    page.wait_for_load_state("networkidle")

    page.goto("/cart")
    expect(page.get_by_role("main")).to_contain_text(title)
    page.get_by_role("link", name="Go to checkout").click()

    page.get_by_label("E-mail").fill("grace@example.com")
    page.get_by_label("Full name").fill("Grace O'Hara")
    page.get_by_label("Address").fill("1 Rue d'Or")
    page.get_by_label("City").fill("Berlin")
    page.get_by_label("Postcode").fill("10115")
    page.get_by_label("Country").select_option("DE")
    finish(page)
    expect(page.get_by_role("main")).to_contain_text(re.compile("thank you|confirmed", re.I))
    expect(page.get_by_role("main")).to_contain_text(title)
    assert re.search(r"/orders/", page.url)


def finish(page: Page) -> None:
    """Goes through what is left of checkout, at most four steps, each by its main button."""
    for _ in range(4):
        step = page.url
        if "/orders/" in step:
            return
        page.locator("main form button[type=submit]").last.click()
        expect(page).not_to_have_url(step)
