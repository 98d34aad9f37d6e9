"""What a report tells beside one run's own figures: text, a table, charts, as data to draw from."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from loadtests.charts import draw_lines


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Lines by name; see `draw_lines` for the rest."""

    title: str
    across: str
    up: str
    lines: dict[str, list[tuple[float, float]]]
    marks: list[tuple[float, str]] = []
    bands: list[tuple[float, float, str]] = []
    span: tuple[float, float] | None = None
    logarithmic: bool = False


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One heading of the report. `head` and `rows` make its table, where there is one."""

    title: str
    text: list[str]
    head: list[str] = []
    rows: list[list[str]] = []
    charts: list[Chart] = []

    def draw(self) -> list[Markup]:
        drawn = [
            draw_lines(
                each.title,
                each.lines,
                across=each.across,
                up=each.up,
                marks=each.marks,
                bands=each.bands,
                span=each.span,
                logarithmic=each.logarithmic,
            )
            for each in self.charts
        ]
        return [Markup(each) for each in drawn if each]  # noqa: S704  # made by draw_lines, which escapes
