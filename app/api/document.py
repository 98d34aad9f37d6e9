"""The OpenAPI 3.1 document: the framework's paths and parameters, completed.

Schemas are those that msgspec reads and writes by. Errors are problem documents everywhere, each status with
the types it may carry. Examples come from `app.api.examples`; a test sends them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.routes import HTTPRoute

from app.api.examples import example_of, name_parameter
from app.api.idempotency import LONGEST_KEY
from app.api.kinds import MOST_ID
from app.api.problem_types import TYPES
from app.core.problems import FieldError, ProblemDocument
from app.keys.guards import SCHEME
from app.keys.service import Scope

Schema = dict[str, Any]
JSON = "application/json"
PROBLEM = "application/problem+json"
_REF = "#/components/schemas/{name}"

INTRODUCTION = """\
What the store's own pages use is open to everyone: products, carts, checkout, one's own orders. Other
systems of the merchant's manage the store under `/api/v1/admin` with a key (`Authorization: Bearer <key>`)
that has the scope each operation names.

Money is an integer of minor units (cents) with its currency. Lists are read with `limit` and the `cursor` of
the answer before. Unsafe management operations take an `Idempotency-Key`. Errors are problem documents
(RFC 9457) whose `type` is one of `/problems`.
"""

TAGS = {
    "products": "The catalogue as shoppers see it",
    "carts": "Carts: who knows a cart's id may change it",
    "checkout": "Ordering what a cart holds",
    "orders": "One's own order, with its token",
    "shipping": "What delivery costs",
    "webhooks": "For payment gateways and carriers alone",
    "manage products": "Products and variants, published or not",
    "manage stock": "Stock per variant and location",
    "manage orders": "Orders and their way to the buyer",
    "manage payments": "Payments of orders",
    "manage promotions": "Vouchers and automatic promotions",
    "manage gift cards": "Gift cards, their balance and history",
}

# Every operation may meet these.
ALWAYS = ("fault", "database-unavailable", "not-acceptable", "rate-limited")
_WITH_BODY = ("malformed", "invalid", "too-large", "unsupported-media-type", "foreign-origin")
_WITH_KEY = ("key-missing", "key-invalid", "scope-missing")
_IDEMPOTENT = (
    "idempotency-key-missing",
    "idempotency-key-invalid",
    "idempotency-key-reused",
    "request-in-progress",
)
_SAFE = ("GET", "HEAD", "OPTIONS")


def build_document(app: Litestar) -> Schema:
    """The whole document, of plain values."""
    document: Schema = msgspec.to_builtins(app.openapi_schema.to_schema())
    operations = list(_operations(app, document["paths"]))
    types = [kind for _, handler, _ in operations for kind in _types_of(handler)]
    schemas, components = msgspec.json.schema_components(
        [*types, ProblemDocument, FieldError], ref_template=_REF
    )
    by_type = dict(zip(map(repr, types), schemas, strict=False))
    for method, handler, operation in operations:
        _complete(operation, method, handler, by_type, components)
    document["info"] |= {"summary": "Everything the store does", "description": INTRODUCTION}
    document["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    scopes = ", ".join(f"`{scope}`" for scope in Scope)
    document["components"] = {
        "schemas": components,
        "securitySchemes": {
            SCHEME: {
                "type": "http",
                "scheme": "bearer",
                "description": f"A key made by `python -m app key create`. Scopes: {scopes}.",
            }
        },
    }
    return document


def _operations(app: Litestar, paths: Schema) -> Iterator[tuple[str, HTTPRouteHandler, Schema]]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path_format not in paths:
            continue
        for handler in route.route_handlers:
            for method in handler.http_methods:
                operation = paths[route.path_format].get(method.lower())
                if operation is not None:
                    yield method, handler, operation


def _types_of(handler: HTTPRouteHandler) -> list[Any]:
    found = [spec.data_container for spec in (handler.responses or {}).values() if spec.data_container]
    given, answered = _body_type(handler), _answer_type(handler)
    return [kind for kind in (given, answered, *found) if kind is not None]


def _body_type(handler: HTTPRouteHandler) -> Any:
    data = handler.parsed_fn_signature.parameters.get("data")
    return None if data is None else data.annotation


def _answer_type(handler: HTTPRouteHandler) -> Any:
    """What the operation answers when all goes well; None for no body, or one named in `responses`."""
    kind = handler.parsed_fn_signature.return_type.annotation
    arguments = getattr(kind, "__args__", ())
    inner = arguments[0] if getattr(kind, "__origin__", None) is Response and arguments else None
    return inner if inner not in (None, type(None), bytes, Any) else None


def _complete(
    operation: Schema,
    method: str,
    handler: HTTPRouteHandler,
    by_type: dict[str, Schema],
    components: Schema,
) -> None:
    text = inspect.cleandoc(handler.fn.__doc__ or "")
    name = handler.fn.__name__
    operation["operationId"] = name
    operation["summary"] = name.replace("_", " ").capitalize()
    operation["description"] = text
    operation.pop("deprecated", None)
    for parameter in operation.get("parameters", []):
        _complete_parameter(parameter)
    body = _body_type(handler)
    if body is not None:
        schema = by_type[repr(body)]
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schema, "example": example_of(schema, components)}},
        }
    operation["responses"] = {
        **_good_responses(handler, by_type, components, method),
        **_problem_responses(operation, method, handler),
    }


def _complete_parameter(parameter: Schema) -> None:
    for noise in ("deprecated", "allowEmptyValue", "allowReserved"):
        parameter.pop(noise, None)
    schema = parameter["schema"]
    schema.pop("description", None)
    _settle_null(parameter["in"], schema)
    if parameter["name"] == "Idempotency-Key":
        # Not validated by the framework: a key that is missing or wrong is a 400 of its own.
        schema |= {"minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"}
        parameter["required"] = True
    for bound in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(schema.get(bound), float):
            schema[bound] = int(schema[bound])
    given = parameter.get("examples")
    if isinstance(given, dict) and given:
        return
    parameter.pop("examples", None)
    parameter.setdefault("description", name_parameter(parameter["name"])[0])
    example = name_parameter(parameter["name"])[1]
    if example is not None:
        parameter["example"] = example


def _settle_null(place: str, schema: Schema) -> None:
    """An optional parameter is left away, or, in a query, `null`; a header has no such value."""
    choices = schema.pop("oneOf", [])
    real = [one for one in choices if one.get("type") != "null"]
    schema |= real[0] if real else {}
    if real and place == "query" and schema.get("type") not in (None, "string"):
        schema["type"] = [schema["type"], "null"]
    if place == "path" and schema.get("type") == "integer":
        schema |= {"minimum": 1, "maximum": MOST_ID}


def _good_responses(
    handler: HTTPRouteHandler, by_type: dict[str, Schema], components: Schema, method: str
) -> Schema:
    answers: Schema = {}
    answered = _answer_type(handler)
    if answered is not None:
        answers[str(handler.status_code)] = (by_type[repr(answered)], "As asked")
    for code, spec in (handler.responses or {}).items():
        if code < 400:
            kind = spec.data_container
            answers[str(code)] = (by_type[repr(kind)] if kind else None, spec.description)
    if not answers:
        answers[str(handler.status_code)] = (None, "Done")
    responses: Schema = {}
    for status, (schema, text) in answers.items():
        response: Schema = {"description": text}
        if schema is not None:
            response["content"] = {JSON: {"schema": schema, "example": example_of(schema, components)}}
        if handler.opt.get("links") and status.startswith("2"):
            response["links"] = handler.opt["links"]
        headers = _headers(handler, status)
        if headers:
            response["headers"] = headers
        responses[status] = response
    if handler.opt.get("etag") and method == "GET":
        responses["304"] = {
            "description": "The reader has it already: If-None-Match names the current ETag",
            "headers": _headers(handler, "304"),
        }
    return responses


def _headers(handler: HTTPRouteHandler, status: str) -> Schema:
    headers: Schema = {}
    if handler.opt.get("etag"):
        headers["ETag"] = _header("Names this state; for If-None-Match and If-Match", '"5f0c6e0b4a1d"')
    if status in ("201", "202") and handler.opt.get("location"):
        headers["Location"] = _header("The address of what was made", "/api/v1/…")
    return headers


def _header(text: str, example: str) -> Schema:
    return {"description": text, "schema": {"type": "string"}, "example": example}


def _problem_responses(operation: Schema, method: str, handler: HTTPRouteHandler) -> Schema:
    slugs = {*ALWAYS, *handler.opt.get("problems", ())}
    parameters = operation.get("parameters", [])
    inside = {parameter["in"] for parameter in parameters}
    names = {parameter["name"].lower() for parameter in parameters}
    if inside:
        slugs |= {"invalid", "malformed"}
    if "path" in inside:
        slugs.add("not-found")
    if "requestBody" in operation or method not in _SAFE:
        slugs |= set(_WITH_BODY)
    if operation.get("security"):
        slugs |= set(_WITH_KEY)
    if "idempotency-key" in names:
        slugs |= set(_IDEMPOTENT) - ({"request-in-progress"} if not operation.get("security") else set())
    if "if-match" in names:
        slugs.add("precondition-failed")
    if "cursor" in names:
        slugs.add("cursor-invalid")
    by_status: dict[int, list[str]] = {}
    for slug in sorted(slugs):
        for status in TYPES[slug].statuses:
            by_status.setdefault(status, []).append(slug)
    return {str(status): _problem(status, slugs) for status, slugs in sorted(by_status.items())}


def _problem(status: int, slugs: list[str]) -> Schema:
    listed = [TYPES[slug] for slug in slugs]
    response: Schema = {
        "description": "; ".join(one.title for one in listed),
        "content": {
            PROBLEM: {
                "schema": {
                    "allOf": [{"$ref": _REF.format(name="ProblemDocument")}],
                    "properties": {
                        "type": {"enum": [f"/problems/{one.slug}" for one in listed]},
                        "status": {"const": status},
                    },
                },
                "examples": {one.slug: {"value": _problem_example(status, one.slug)} for one in listed},
            }
        },
    }
    if status in (409, 429, 503):
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds after which the request may be repeated, where that helps",
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
                "example": "1",
            }
        }
    return response


def _problem_example(status: int, slug: str) -> Schema:
    kind = TYPES[slug]
    document = {
        "type": f"/problems/{slug}",
        "title": kind.title,
        "status": status,
        "detail": re.sub(r"`", "", kind.meaning),
        "request_id": "5b0f8d1c9a6e4f27",
    }
    if slug == "invalid":
        document["errors"] = [{"field": "quantity", "message": "Expected `int` >= 1"}]
    return document


class DocumentPlugin(OpenAPIRenderPlugin):
    """Serves the document where the framework would serve its own; built at the first request."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.JSON)
        self._body = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: Schema) -> bytes:  # noqa: ARG002
        """See OpenAPIRenderPlugin."""
        if not self._body:
            self._body = msgspec.json.encode(build_document(request.app))
        return self._body
