"""The API's document is complete, and what it says is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator

from app.api.examples import is_named
from app.api.problem_types import TYPES
from app.core.problems import FRAMEWORK_TYPES

APP = Path(__file__).parents[3] / "app"
Schema = dict[str, Any]


@pytest.fixture
def document(client: httpx.Client) -> Schema:
    return dict(client.get("/api/v1/openapi.json").raise_for_status().json())


def operations(document: Schema) -> Iterator[tuple[str, Schema]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def check(document: Schema, schema: Schema, value: Any, where: str) -> None:
    # References are within the document, so the schema is looked at as a part of it.
    whole = {**schema, "components": document["components"]}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
    assert not errors, f"{where}: {errors[0]}"


def test_every_operation_says_what_it_does(document: Schema) -> None:
    assert document["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))
    tags = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert len(operation["description"]) > 20, name
        assert set(operation["tags"]) <= tags, name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], f"{name}: {parameter['name']}"


def test_every_example_fits_its_schema(document: Schema) -> None:
    checked = 0
    for name, operation in operations(document):
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in contents:
            for kind in content.get("content", {}).values():
                examples = [kind["example"]] if "example" in kind else []
                examples += [one["value"] for one in kind.get("examples", {}).values()]
                assert examples, f"{name} has an answer without an example"
                for example in examples:
                    check(document, kind["schema"], example, name)
                    checked += 1
        for parameter in operation.get("parameters", []):
            if "example" in parameter:
                check(document, parameter["schema"], parameter["example"], f"{name}: {parameter['name']}")
    assert checked > 100


def test_every_field_has_an_example_that_says_something(document: Schema) -> None:
    dull = []
    for name, schema in document["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            choices = [one for one in inner.get("anyOf", [inner]) if one.get("type") != "null"]
            plain = [one for one in choices if one.get("type") in ("string", "integer", "number", "boolean")]
            given = [one for one in (inner, *plain) if one.get("examples") or one.get("enum")]
            if plain and not given and not is_named(plain[0], field):
                dull.append(f"{name}.{field}")
    assert not dull, "name these in app/api/examples.py"


def test_every_error_is_a_problem_document(document: Schema) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], f"{name} {status}"
        assert {"500", "503"} <= set(operation["responses"]), name


def test_management_needs_a_key_and_shoppers_none(document: Schema) -> None:
    for name, operation in operations(document):
        assert bool(operation.get("security")) == ("/admin/" in name), name
        if "/admin/" in name:
            assert {"401", "403"} <= set(operation["responses"]), name
            if not name.startswith("GET"):
                keys = [p for p in operation["parameters"] if p["name"] == "Idempotency-Key"]
                assert keys, f"{name} can happen twice"
                assert keys[0]["required"], name


def test_every_problem_type_that_is_sent_is_listed_with_its_page(client: httpx.Client) -> None:
    sent = set(FRAMEWORK_TYPES.values()) | {"malformed", "fault"}
    slug = re.compile(
        r"(?:Problem|_problem|_unauthorized|_refuse)\(\s*(?:send,\s*)?(?:\d{3},\s*)?\"([a-z][a-z-]+)\""
    )
    # What the back office answers are pages.
    sources = [path for path in APP.rglob("*.py") if path.parent.name != "backoffice" and path.stem != "desk"]
    for path in sources:
        sent |= set(slug.findall(path.read_text()))
        sent |= set(re.findall(r"/problems/([a-z][a-z-]+)\"", path.read_text()))
    unlisted = sorted(sent - set(TYPES))
    assert not unlisted, "add these to app/api/problem_types.py"
    listed = client.get("/problems").text
    for one in sorted(TYPES):
        assert f'href="/problems/{one}"' in listed
        page = client.get(f"/problems/{one}")
        assert page.status_code == 200
        assert TYPES[one].title in page.text.replace("&#39;", "'")
    assert client.get("/problems/unheard-of").status_code == 404


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("request_", "options", "status", "slug"),
    [
        ("GET /api/v1/nothing", {}, 404, "not-found"),
        ("PUT /api/v1/products", {}, 405, "method-not-allowed"),
        ("GET /api/v1/products", {"headers": {"Accept": "text/html"}}, 406, "not-acceptable"),
        ("GET /api/v1/products", {"headers": {"Accept": "application/json;q=0"}}, 406, "not-acceptable"),
        (
            "POST /api/v1/carts",
            {"content": b"a=1", "headers": {"Content-Type": "text/plain"}},
            415,
            "unsupported-media-type",
        ),
        ("POST /api/v1/checkouts", {"content": b"{", "headers": JSON}, 400, "malformed"),
        ("POST /api/v1/checkouts", {"content": b"\xff", "headers": JSON}, 400, "malformed"),
        ("POST /api/v1/checkouts", {"json": {"cart_id": "x" * 70_000}}, 413, "too-large"),
        ("POST /api/v1/checkouts", {"json": {"cart_id": 1}}, 422, "invalid"),
        ("GET /api/v1/products?limit=0", {}, 422, "invalid"),
        ("GET /api/v1/products?limit=many", {}, 422, "invalid"),
    ],
)
def test_what_cannot_be_accepted_is_answered_with_a_problem(
    client: httpx.Client, request_: str, options: Any, status: int, slug: str
) -> None:
    answer = client.request(*request_.split(), **options)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["type"] == f"/problems/{slug}"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    if status == 405:
        assert "GET" in answer.headers["allow"]
