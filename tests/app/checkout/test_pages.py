"""The checkout's pages, used as a browser without JavaScript does: forms, cookies, redirects."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.app.factories import ADDRESS, check_out, fill_cart, make_variant, stock_of

CONTACT = {**ADDRESS, "email": "ada@example.com", "line2": "", "region": "", "phone": ""}


class Forms(HTMLParser):
    """The forms of a page: action → its fields with their values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._current: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._current = self.forms.setdefault(given.get("action", ""), {})
        elif tag == "input" and given.get("name"):
            chosen = given.get("type") != "radio" or "checked" in given
            if chosen:
                self._current[given["name"]] = given.get("value", "")


def form(page: httpx.Response, action: str) -> dict[str, str]:
    forms = Forms(page.text).forms
    assert action in forms, f"no form for {action} in\n{page.text}"
    return forms[action]


@pytest.fixture
def shopper(client: httpx.Client) -> httpx.Client:
    client.follow_redirects = True
    return client


async def put(shopper: httpx.Client, variant: int, quantity: int = 1) -> httpx.Response:
    return shopper.post("/cart/lines", data={"variant_id": str(variant), "quantity": str(quantity)})


async def reach_payment(shopper: httpx.Client, variant: int) -> httpx.Response:
    await put(shopper, variant)
    address = form(shopper.get("/checkout"), "/checkout")
    delivery = shopper.post("/checkout", data={**address, **CONTACT})
    return shopper.post("/checkout/delivery", data=form(delivery, "/checkout/delivery"))


async def test_a_shopper_buys_without_javascript(shopper: httpx.Client, owner: asyncpg.Connection) -> None:
    variant = await make_variant(owner, stock=5, price=1000)
    payment = await reach_payment(shopper, variant)
    assert "€13.90" in payment.text
    done = shopper.post("/checkout/payment", data=form(payment, "/checkout/payment"))
    assert "/orders/" in str(done.url)
    assert "confirmed" in done.text
    assert done.headers["cache-control"] == "no-store"
    assert done.headers.get_list("referrer-policy") == ["no-referrer"]
    assert await stock_of(owner, variant) == (4, 1)
    # The way back leads to the order, not to a second one.
    assert "/orders/" in str(shopper.get("/checkout/payment").url)
    assert "empty" in shopper.get("/cart").text


async def test_a_second_click_on_pay_makes_no_second_order(
    shopper: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=5)
    fields = form(await reach_payment(shopper, variant), "/checkout/payment")
    first = shopper.post("/checkout/payment", data=fields)
    second = shopper.post("/checkout/payment", data=fields)
    assert first.url == second.url
    assert await stock_of(owner, variant) == (4, 1)


async def test_a_declined_card_is_said_on_the_page_and_another_card_pays(
    shopper: httpx.Client, owner: asyncpg.Connection
) -> None:
    payment = await reach_payment(shopper, await make_variant(owner))
    fields = form(payment, "/checkout/payment")
    declined = shopper.post("/checkout/payment", data={**fields, "payment_token": "tok_declined"})
    assert declined.status_code == 402
    assert "declined" in declined.text
    paid = shopper.post("/checkout/payment", data=form(declined, "/checkout/payment"))
    assert "/orders/" in str(paid.url)


async def test_three_d_secure_goes_to_the_bank_and_back(
    shopper: httpx.Client, owner: asyncpg.Connection
) -> None:
    fields = form(await reach_payment(shopper, await make_variant(owner)), "/checkout/payment")
    shopper.follow_redirects = False
    sent = shopper.post("/checkout/payment", data={**fields, "payment_token": "tok_3ds"})
    bank = sent.headers["location"]
    assert "approve" in httpx.get(bank, trust_env=False).text
    pending = shopper.get("/checkout/payment")
    assert bank in pending.text
    back = httpx.post(bank, data={"outcome": "approve"}, trust_env=False).headers["location"]
    shopper.follow_redirects = True
    order = shopper.get(back)
    assert "/orders/" in str(order.url)
    assert "confirmed" in order.text


async def test_a_payment_that_waits_can_be_cancelled_and_paid_otherwise(
    shopper: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=5)
    fields = form(await reach_payment(shopper, variant), "/checkout/payment")
    shopper.follow_redirects = False
    shopper.post("/checkout/payment", data={**fields, "payment_token": "tok_3ds"})
    shopper.follow_redirects = True
    pending = shopper.get("/checkout/payment")
    again = shopper.post("/checkout/cancel", data=form(pending, "/checkout/cancel"))
    # Back at the payment page the cart holds its unit again.
    assert await stock_of(owner, variant) == (4, 1)
    paid = shopper.post("/checkout/payment", data=form(again, "/checkout/payment"))
    assert "/orders/" in str(paid.url)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("email", "nobody", "E-mail &#39;nobody&#39; is not an e-mail address"),
        ("name", "", "Full name is missing"),
        ("city", " ", "City is missing"),
        ("country", "XX", "Country &#39;XX&#39; is not served"),
        ("line2", "x" * 500, "500 characters"),
        ("name", "<script>alert(1)</script>", None),
    ],
)
async def test_a_faulty_address_keeps_what_was_typed_and_names_the_field(
    shopper: httpx.Client, owner: asyncpg.Connection, field: str, value: str, message: str | None
) -> None:
    await put(shopper, await make_variant(owner))
    fields = form(shopper.get("/checkout"), "/checkout")
    answer = shopper.post("/checkout", data={**fields, **CONTACT, field: value})
    assert "<script>alert" not in answer.text
    if message is None:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert message in answer.text
    assert f'href="#{field}"' in answer.text
    assert f'aria-describedby="{field}-error"' in answer.text
    kept = form(answer, "/checkout")
    assert kept["postcode"] == CONTACT["postcode"]


async def test_a_changed_price_is_shown_before_it_is_charged(
    shopper: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, price=1000)
    fields = form(await reach_payment(shopper, variant), "/checkout/payment")
    await owner.execute("UPDATE variants SET price = 2000 WHERE id = $1", variant)
    answer = shopper.post("/checkout/payment", data=fields)
    assert answer.status_code == 409
    assert "price has changed" in answer.text
    assert form(answer, "/checkout/payment")["total"] == "2390"


async def test_what_sold_out_after_the_hold_leads_back_to_the_cart(
    shopper: httpx.Client, client: httpx.Client, owner: asyncpg.Connection
) -> None:
    variant = await make_variant(owner, stock=1)
    fields = form(await reach_payment(shopper, variant), "/checkout/payment")
    assert check_out(client, fill_cart(client, (variant, 1))).status_code == 409
    await owner.execute("UPDATE carts SET held_until = now() - interval '1 second' WHERE held IS NOT NULL")
    assert check_out(client, fill_cart(client, (variant, 1))).status_code == 201
    answer = shopper.post("/checkout/payment", data=fields)
    assert urlsplit(str(answer.url)).path == "/cart"
    assert "Sold out" in answer.text


@pytest.mark.parametrize("path", ["/checkout", "/checkout/delivery", "/checkout/payment"])
def test_a_visitor_without_a_cart_is_led_to_the_cart(shopper: httpx.Client, path: str) -> None:
    assert urlsplit(str(shopper.get(path).url)).path == "/cart"


@pytest.mark.parametrize("path", ["/checkout", "/checkout/delivery", "/checkout/payment", "/checkout/cancel"])
async def test_a_form_without_its_token_is_refused(
    shopper: httpx.Client, owner: asyncpg.Connection, path: str
) -> None:
    await reach_payment(shopper, await make_variant(owner))
    assert shopper.post(path, data={"csrf_token": "forged"}).status_code == 403
