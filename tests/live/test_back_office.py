"""The back office as its first administrator finds it: from `make login` to what shoppers see."""

import re
import secrets
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ci import login
from loadtests.stack import Stack
from tests.live.test_browser import CHROMIUM, FLAGS

PASSWORD = "leaf kettle marble north"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "no Chromium on PATH: `make doctor` says how to install it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, stack: Stack, tmp_path: Path) -> Iterator[Page]:
    context = browser.new_context(
        ignore_https_errors=True, extra_http_headers=stack.shopper("198.51.100.221")
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


def test_the_first_administrator_comes_in_and_changes_what_shoppers_see(page: Page, stack: Stack) -> None:
    link, _ = login.make_link(stack.name, None)
    assert link.startswith(f"{stack.outputs['back_office_url']}/welcome?token=")
    page.goto(link)
    secret = page.locator("#totp-key").inner_text().replace(" ", "")
    if page.get_by_label("Your name").count():
        page.get_by_label("Your name").fill("Ada Lovelace")
        page.get_by_label("E-mail").fill(f"ada-{secrets.token_hex(3)}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep these codes")
    code = page.locator(".codes code").first.inner_text()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")

    page.get_by_role("link", name="Your account").or_(page.locator("header a[href='/account']")).click()
    email = page.locator("dd").first.inner_text()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Products", exact=True).click()
    page.get_by_label("Title, handle or SKU").fill("mug")
    page.get_by_role("button", name="Search").click()
    page.locator("tbody th a").first.click()
    title = f"Mug of the day {secrets.token_hex(3)}"
    page.get_by_label("Title", exact=True).fill(title)
    body = page.get_by_label("Description", exact=True)
    body.fill(
        f"{body.input_value()}\n<h2>Care</h2><p>50% off; <a href='https://example.com/'>select</a> one.</p>"
    )
    page.get_by_role("button", name="Save product").click()
    expect(page.get_by_role("status")).to_contain_text(title)
    shop = page.get_by_role("link", name="See it in the shop").get_attribute("href")
    assert shop
    with stack.client("198.51.100.222") as shopper:
        # Anonymous pages are cached for some seconds: a query makes this one another.
        assert title in shopper.get(f"{urlsplit(shop).path}?fresh={secrets.token_hex(3)}").text

    add_picture(page, stack, urlsplit(shop).path)
    page.get_by_role("link", name="Changes in the audit log").click()
    expect(page.get_by_role("main")).to_contain_text("product.change")
    expect(page.get_by_role("main")).to_contain_text(email)


def add_picture(page: Page, stack: Stack, path: str) -> None:
    """Upload one on a product's screen; its page in the shop, at `path`, shows it."""
    # A photograph of ordinary size, noise throughout: the most that a firewall could find fault with.
    photo = BytesIO()
    Image.effect_noise((1600, 1200), 90).save(photo, "JPEG", quality=90)
    page.get_by_label("Add a picture").set_input_files(
        {"name": "Ada's mug; blue.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()}
    )
    seen = f"A mug beside a kettle {secrets.token_hex(3)}"
    page.get_by_label("What it shows").fill(seen)
    page.get_by_role("button", name="Add picture").click()
    added = page.get_by_alt_text(seen)
    expect(added).to_be_visible()
    added.scroll_into_view_if_needed()
    page.wait_for_function(
        "alt => document.querySelector(`img[alt='${alt}']`).naturalWidth === 1600", arg=seen
    )
    address = added.get_attribute("src") or ""
    with stack.client("198.51.100.222") as shopper:
        assert seen in shopper.get(f"{path}?fresh={secrets.token_hex(3)}").text
        served = shopper.get(urlsplit(address).path)
    assert served.headers["content-type"] == "image/webp"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in served.headers["cache-control"]


def ask(stack: Stack, host: str, path: str, **headers: str) -> httpx.Response:
    """Ask the edge for a path of a host, whatever this machine's resolver knows of it."""
    with httpx.Client(base_url=stack.url, verify=stack.trust, timeout=10) as client:
        port = urlsplit(stack.url).port
        request = client.build_request("GET", path, headers={"Host": f"{host}:{port}", **headers})
        request.extensions["sni_hostname"] = host
        return client.send(request)


def test_each_host_serves_its_own_and_no_other_name_is_known(stack: Stack) -> None:
    office = urlsplit(stack.outputs["back_office_url"]).hostname or ""
    shop = urlsplit(stack.url).hostname or ""
    for path in ("/login", "/welcome", "/staff", "/audit"):
        assert ask(stack, shop, path).status_code == 404, path
    for path in ("/cart", "/collections/all", "/api/v1/products", "/metrics", "/media/x", "/test-gateway/x"):
        assert ask(stack, office, path).status_code == 404, path
    answer = ask(stack, office, "/login")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "x-cache" not in answer.headers
    assert re.search(r"default-src 'none'", answer.headers["content-security-policy"])


def test_no_output_holds_a_secret_of_the_back_office(stack: Stack) -> None:
    link, _ = login.make_link(stack.name, None)
    token = link.partition("token=")[2]
    assert token not in str(stack.outputs)
    for container in stack.containers():
        assert token not in container.logs(tail=200).decode(errors="replace"), container.name
