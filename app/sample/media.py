"""Draws the pictures of the sample catalogue into a folder of media."""

from pathlib import Path

from app.sample.catalogue import generate
from app.sample.drawing import draw


def draw_all(root: Path) -> int:
    """Draws every picture that `root` does not have yet and returns how many; one that is there is whole."""
    drawn = 0
    for product in generate():
        for picture in product.pictures:
            path = root / picture.path
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            # Under another name first: a kill in the middle leaves no half picture behind.
            unfinished = path.with_suffix(".part")
            unfinished.write_text(draw(picture.shape, picture.colour, picture.path), encoding="utf-8")
            unfinished.replace(path)
            drawn += 1
    return drawn
