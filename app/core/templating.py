"""The template engine: each package's `templates/` folder under the package's name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from litestar import MediaType, Response

from app.core.money import format_money

# Cache-Control of what belongs to one shopper. The edge never stores it.
PRIVATE = "no-store"

_APP = Path(__file__).parent.parent


def public(max_age: int, stale: int = 60) -> str:
    """Cache-Control of what all see alike: fresh for `max_age` seconds, then served stale while renewed."""
    return f"public, max-age={max_age}, stale-while-revalidate={stale}, stale-if-error=3600"


@cache
def environment() -> Environment:
    """The one Jinja environment; an undefined name is an error, not an empty string."""
    folders = {path.parent.name: FileSystemLoader(path) for path in sorted(_APP.glob("*/templates"))}
    made = Environment(
        loader=PrefixLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["money"] = format_money
    return made


def set_globals(names: Mapping[str, Any]) -> None:
    """Give every template these names, on top of the filter `money`."""
    environment().globals.update(names)


def render_text(name: str, context: Mapping[str, Any]) -> str:
    """Render the template to a string."""
    return environment().get_template(name).render(context)


def render(
    name: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    cache: str = PRIVATE,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """Answer with the rendered template; private unless `cache` says otherwise."""
    return Response(
        render_text(name, context).encode(),
        status_code=status,
        media_type=MediaType.HTML,
        headers={"Cache-Control": cache, **(headers or {})},
    )
