"""The pages of the problem types, at the addresses that problems name as their `type`."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.types import ControllerRouterHandler

from app.api.problem_types import TYPES
from app.core.problems import NotFound
from app.website.answers import render_public

PAGE_SECONDS = 3600

Page = Request[Any, Any, Any]


@get("/problems", include_in_schema=False)
async def show_problems(request: Page) -> Response[bytes]:
    """Every problem type."""
    return render_public(request, "api/problems.html", {"problems": TYPES.values()}, max_age=PAGE_SECONDS)


@get("/problems/{slug:str}", include_in_schema=False)
async def show_problem(request: Page, slug: str) -> Response[bytes]:
    """One problem type: what it means and what would mend it."""
    if slug not in TYPES:
        raise NotFound(f"There is no problem type {slug!r}.")
    return render_public(request, "api/problem.html", {"problem": TYPES[slug]}, max_age=PAGE_SECONDS)


routes: list[ControllerRouterHandler] = [show_problems, show_problem]
