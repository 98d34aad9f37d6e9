"""What a report tells beside one run's own figures: text, a table, charts, as data to draw from."""

from __future__ import annotations

import msgspec
from markupsafe import Markup

from loadtests.charts import draw_lines


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Lines by name; `across` and `up` name the axes with their units."""

    title: str
    across: str
    up: str
    lines: dict[str, list[tuple[float, float]]]
    marks: list[tuple[float, str]] = []


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One heading of the report. `head` and `rows` make its table, where there is one."""

    title: str
    text: list[str]
    head: list[str] = []
    rows: list[list[str]] = []
    charts: list[Chart] = []

    def draw(self) -> list[Markup]:
        drawn = [
            draw_lines(each.title, each.lines, across=each.across, up=each.up, marks=each.marks)
            for each in self.charts
        ]
        return [Markup(each) for each in drawn if each]  # noqa: S704  # made by draw_lines, which escapes
