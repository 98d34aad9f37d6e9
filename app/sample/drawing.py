"""Draws one picture of a product as an SVG document: the same product and colour always give the same bytes.

The documents hold shapes only: no script, no style sheet, no link, no text.
"""

import colorsys
from random import Random

from app.sample.shapes import SHAPES

PATTERNS: dict[str, str] = {
    "plain": "",
    "stripe": '<path d="M0 6h24v7H0Z"/>',
    "pin": '<path d="M10 0h3v24h-3Z"/>',
    "dots": '<circle cx="6" cy="6" r="3"/><circle cx="18" cy="18" r="3"/>',
    "check": '<path d="M0 0h12v12H0ZM12 12h12v12H12Z"/>',
    "weave": '<path d="M0 4 4 0h5L0 9ZM15 24l9-9v5l-4 4ZM0 19 19 0h5L0 24Z"/>',
    "sprig": '<path d="M12 3c5 3 5 8 0 11-5-3-5-8 0-11ZM11 14h2v8h-2Z"/>',
    "hills": '<path d="M0 18c6 0 6-8 12-8s6 8 12 8v4c-6 0-6-8-12-8s-6 8-12 8Z"/>',
}

FIXED = {
    "wood": "#a9764a",
    "metal": "#b9bcb6",
    "paper": "#f7f3ea",
    "leaf": "#5f8a58",
    "flame": "#f2c14e",
}


def shift(colour: str, by: float) -> str:
    """Lightens (`by` > 0) or darkens (`by` < 0) a #rrggbb colour; ±1 is white or black."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    lightness += (1 - lightness) * by if by > 0 else lightness * by
    return "#" + "".join(
        f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation)
    )


def backdrop(colour: str, rng: Random) -> tuple[str, str]:
    """Wall and floor: pale, and far enough from the product's own colour to set it off."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, _ = colorsys.rgb_to_hls(red, green, blue)
    hue = (hue + 0.08 + 0.5 * rng.random()) % 1
    pale = 0.80 if lightness > 0.75 else 0.90
    wall = colorsys.hls_to_rgb(hue, pale, 0.32)
    floor = colorsys.hls_to_rgb(hue, pale - 0.06, 0.30)
    return tuple("#" + "".join(f"{round(p * 255):02x}" for p in c) for c in (wall, floor))  # type: ignore[return-value]


def draw(shape: str, colour: str, seed: str) -> str:
    """An 800 × 800 SVG of `shape` in `colour` (#rrggbb); `seed` picks backdrop and pattern."""
    rng = Random(seed)
    wall, floor = backdrop(colour, rng)
    pattern = tuple(PATTERNS.values())[int(rng.random() * len(PATTERNS))]
    scene = int(rng.random() * 3)
    dark = colorsys.rgb_to_hls(*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)))[1] < 0.35
    fills = FIXED | {
        "body": colour,
        "shade": shift(colour, -0.16),
        "deep": shift(colour, 0.16 if dark else -0.3),
        "light": shift(colour, 0.38),
    }
    ink = shift(colour, 0.55 if dark else -0.5)
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800" viewBox="0 0 400 400">',
        f'<path fill="{wall}" d="M0 0h400v400H0Z"/>',
        (
            f'<path fill="{floor}" d="M0 296h400v104H0Z"/>',
            f'<circle cx="200" cy="200" r="168" fill="{floor}"/>',
            f'<path fill="{floor}" d="M40 400V200a160 160 0 0 1 320 0v200Z"/>',
        )[scene],
        '<ellipse cx="200" cy="338" rx="132" ry="13" fill="#1c2321" opacity=".13"/>',
    ]
    if pattern:
        tint = shift(colour, 0.3 if dark else -0.2)
        parts.append(
            '<defs><pattern id="p" width="24" height="24" patternUnits="userSpaceOnUse">'
            f'<g fill="{tint}" fill-opacity=".55">{pattern}</g></pattern></defs>'
        )
    for role, path in SHAPES[shape]:
        if role == "line":
            parts.append(
                f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="4" stroke-linecap="round"/>'
            )
        elif role == "seam":
            parts.append(
                f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2" stroke-opacity=".6" '
                'stroke-dasharray="6 5" stroke-linecap="round"/>'
            )
        else:
            parts.append(f'<path d="{path}" fill="{fills[role]}"/>')
            if role == "body" and pattern:
                parts.append(f'<path d="{path}" fill="url(#p)"/>')
    parts.append("</svg>\n")
    return "".join(parts)
