"""Errors as RFC 9457 problem documents on the API, and as pages elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from app.core import templating
from app.core.requests import current_request_id

log = structlog.get_logger()

Extra = dict[str, Any]

# The types of what the framework itself refuses.
FRAMEWORK_TYPES = {405: "method-not-allowed", 413: "too-large"}


class FieldError(msgspec.Struct):
    """What is wrong with one field; `field` is its path in the body, or a parameter's name."""

    field: str
    message: str


class ProblemDocument(msgspec.Struct, omit_defaults=True):
    """RFC 9457. Some types have members of their own, such as `lines` or `scope`."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""
    errors: list[FieldError] = []


class Problem(Exception):  # noqa: N818  # an answer, in the words of RFC 9457
    """An answer other than the wished one.

    `type` is a stable slug that clients may match; `extra` becomes members of the document.
    """

    def __init__(
        self,
        status: int,
        type: str,
        title: str,
        detail: str = "",
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{status} {type}: {detail or title}")
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.retry_after = retry_after
        self.more_headers = dict(headers or {})
        self.extra: Extra = extra

    def document(self) -> Extra:
        """The problem as the members of its JSON document."""
        return {
            "type": f"/problems/{self.type}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": current_request_id(),
            **self.extra,
        }

    @property
    def headers(self) -> dict[str, str]:
        headers = {"Cache-Control": templating.PRIVATE, **self.more_headers}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers


class NotFound(Problem):
    """There is no such thing, or it is not the asker's to see: 404."""

    def __init__(self, detail: str) -> None:
        super().__init__(404, "not-found", "Not found", detail)


class Invalid(Problem):
    """The request can be read but not accepted: 422 with one message per field."""

    def __init__(self, errors: dict[str, str]) -> None:
        listed = [{"field": field, "message": message} for field, message in errors.items()]
        super().__init__(422, "invalid", "The request has errors", "; ".join(errors.values()), errors=listed)


def answer_problem(request: Request[Any, Any, Any], problem: Problem) -> Response[Any]:
    """Exception handler of Problem: a document under /api, a page elsewhere."""
    if request.url.path.startswith("/api/"):
        return Response(
            msgspec.json.encode(problem.document()),
            status_code=problem.status,
            media_type="application/problem+json",
            headers=problem.headers,
        )
    try:
        context = {
            "status": problem.status,
            "title": problem.title,
            "detail": problem.detail,
            "request_id": current_request_id(),
        }
        response = templating.render("website/error.html", context, status=problem.status)
    except Exception:
        log.exception("the error page cannot be rendered")
        text = f"{problem.title}\n\n{problem.detail}\n"
        response = Response(text.encode(), status_code=problem.status, media_type=MediaType.TEXT)
    response.headers.update(problem.headers)
    return response


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Exception handler of the framework's own HTTP errors."""
    return answer_problem(request, problem_of(request, error))


def problem_of(request: Request[Any, Any, Any], error: HTTPException) -> Problem:
    """One of the framework's own HTTP errors in our words; a fault is logged."""
    status = error.status_code
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        fields = {_field(item): str(item.get("message", "")) for item in error.extra}
        return Invalid(fields)
    if status == 404:
        return NotFound("There is nothing at this address.")
    if status >= 500:
        log.error("fault", path=request.url.path, method=request.method, exc_info=error)
    slug = FRAMEWORK_TYPES.get(status, "malformed" if status < 500 else "fault")
    detail = error.detail if status < 500 else ""
    if status == 405:
        detail = f"{request.method} is not possible here: see Allow."
    return Problem(status, slug, HTTPStatus(status).phrase, detail, headers=error.headers)


def _field(item: Any) -> str:
    return str(item.get("key") or "body") if isinstance(item, dict) else "body"


def answer_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Exception handler of everything else: logged with its trace, told without."""
    return answer_problem(request, fault_of(request, error))


def fault_of(request: Request[Any, Any, Any], error: Exception) -> Problem:
    """A mistake of ours, logged with its trace, in words without."""
    log.error("fault", path=request.url.path, method=request.method, exc_info=error)
    detail = "The store made a mistake. It has been logged; please try again."
    return Problem(500, "fault", "Something went wrong", detail)
