"""Line charts as SVG text: no script, readable in print, colours that differ in grey as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 30, 40
# Okabe and Ito's colours, told apart by the colour-blind; the dashes tell them apart in print.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a8a8a", "#7b4fb5")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2", "10 4", "4 2", "3 6", "12 3 3 3")

Line = Sequence[tuple[float, float]]
# From, to, name: a stretch of the x axis that something special is true of.
Band = tuple[float, float, str]


def draw_lines(
    title: str,
    lines: Mapping[str, Line],
    *,
    across: str,
    up: str,
    marks: Sequence[tuple[float, str]] = (),
    bands: Sequence[Band] = (),
    span: tuple[float, float] | None = None,
    logarithmic: bool = False,
) -> str:
    """One chart; `across` and `up` name the axes with their units.

    `marks` are moments worth a line, `bands` stretches that are shaded and numbered from 1.
    The x axis covers `span`, so that charts can be held beside each other; without it what the lines cover.
    """
    points = [point for line in lines.values() for point in line]
    if not points:
        return ""
    left, right = span or (min(x for x, _ in points), max(x for x, _ in points))
    top = max(y for _, y in points) or 1.0
    bottom = 0.0
    if logarithmic:
        positive = [y for _, y in points if y > 0] or [1.0]
        bottom, top = (10.0**f for f in (math.floor(math.log10(min(positive))), math.ceil(math.log10(top))))
        top = max(top, bottom * 10)

    def place(x: float, y: float) -> tuple[float, float]:
        part = (x - left) / (right - left) if right > left else 0.5
        if logarithmic:
            height = math.log10(max(y, bottom) / bottom) / math.log10(top / bottom)
        else:
            height = y / (top * 1.05)
        return (
            LEFT + part * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - min(height, 1.0) * (HEIGHT - TOP - BOTTOM),
        )

    places = _place_names(list(lines))
    parts = [f'<svg viewBox="0 0 {WIDTH} {places[-1][1] + 8}" role="img" aria-label="{escape(title)}">']
    parts.append(f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>')
    for number, (begin, end, name) in enumerate(bands, 1):
        x, until = place(max(begin, left), top)[0], place(min(end, right), top)[0]
        parts.append(
            f'<rect x="{x:.1f}" width="{max(until - x, 2):.1f}" y="{TOP}" height="{HEIGHT - TOP - BOTTOM}"'
            f' class="band"><title>{escape(name)}</title></rect>'
            f'<text x="{x + 3:.1f}" y="{TOP + 11}" class="band">{number}</text>'
        )
    for value in _ticks(bottom, top, logarithmic):
        _, y = place(left, value)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{format_number(value)}</text>')
    for value in _ticks(left, right, False):
        x, _ = place(value, bottom or top)
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{format_number(value)}</text>'
        )
    for moment, name in marks:
        x, _ = place(moment, top)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" class="mark"/>')
        parts.append(f'<text x="{x + 3:.1f}" y="{TOP + 10}" class="mark">{escape(name)}</text>')
    for number, (name, line) in enumerate(lines.items()):
        # Nine colours and nine dashes that do not come round together.
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[(number + number // len(COLOURS)) % len(DASHES)]
        stroke = f'stroke="{colour}" stroke-dasharray="{dash}" stroke-width="2"'
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        parts.append(f'<polyline points="{drawn}" fill="none" {stroke}/>')
        x, y = places[number]
        parts.append(
            f'<line x1="{x}" x2="{x + 22}" y1="{y - 4}" y2="{y - 4}" {stroke}/>'
            f'<text x="{x + 27}" y="{y}">{escape(name)}</text>'
        )
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{escape(across)}</text>')
    parts.append(f'<text x="{WIDTH - RIGHT}" y="16" text-anchor="end">{escape(up)}</text></svg>')
    return "".join(parts)


def _place_names(names: Sequence[str]) -> list[tuple[int, int]]:
    """Where the legend has each name: below the axis, in as many rows as they take."""
    places, x, y = [], LEFT, HEIGHT + 14
    for name in names:
        width = 40 + 7 * len(name)
        if x + width > WIDTH and x > LEFT:
            x, y = LEFT, y + 18
        places.append((x, y))
        x += width
    return places


def format_number(value: float) -> str:
    """Short and exact enough to read an axis by."""
    if value and abs(value) < 0.01:
        return f"{value:.0e}".replace("e-0", "e-")
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _ticks(low: float, high: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        return [10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
    if high <= low:
        return [low]
    rough = (high - low) / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first = math.ceil(low / step)
    return [step * number for number in range(first, math.floor(high / step) + 1)]
