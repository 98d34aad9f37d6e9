"""Renders the templates of `stacks/local/templates`; a value that a template misses is an error."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 (configuration files, made from checked settings)
)


def render_template(name: str, **values: object) -> str:
    return _ENVIRONMENT.get_template(name).render(values)
