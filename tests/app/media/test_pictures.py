"""What comes in as a picture, and what is kept of it."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.media import pictures
from app.media.pictures import LONGEST_SIDE, PictureError, check, prepare

ORIENTATION, CAMERA, PLACE = 0x0112, 0x0110, 0x8825


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **more: object) -> bytes:
    written = BytesIO()
    image = Image.new(mode, size, 128 if mode in ("L", "P", "I;16") else None)
    image.save(written, kind, **more)
    return written.getvalue()


def shown(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_kind_that_is_offered_becomes_webp_under_a_name_of_its_content(kind: str) -> None:
    kept = prepare(picture(kind))
    assert shown(kept.content).format == "WEBP"
    assert shown(kept.content).size == (60, 40)
    assert kept.path.startswith("uploads/")
    assert kept.path.endswith(".webp")
    assert prepare(picture(kind)).path == kept.path
    assert prepare(picture(kind, (61, 40))).path != kept.path


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_colour_is_taken(mode: str) -> None:
    assert shown(prepare(picture(mode=mode)).content).mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_print_colours_are_taken() -> None:
    assert shown(prepare(picture("JPEG", mode="CMYK")).content).mode == "RGB"


def test_a_photograph_is_turned_upright_and_loses_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 6, "Pocket camera"
    exif.get_ifd(PLACE)[1] = "N"
    sent = picture("JPEG", exif=exif)
    assert b"Pocket camera" in sent
    kept = prepare(sent).content
    assert shown(kept).size == (40, 60)
    assert not shown(kept).getexif()
    assert b"Pocket camera" not in kept


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_is_made_as_small_as_pages_show_it(kind: str) -> None:
    kept = prepare(picture(kind, (5000, 2500)))
    assert shown(kept.content).size == (LONGEST_SIDE, LONGEST_SIDE // 2)


def test_what_is_transparent_stays_so() -> None:
    assert shown(prepare(picture(mode="RGBA")).content).getpixel((0, 0))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "JPEG, PNG, WEBP, AVIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "JPEG, PNG, WEBP, AVIF"),
        (b"%PDF-1.7", "JPEG, PNG, WEBP, AVIF"),
        (b"GIF89a" + bytes(50), "JPEG, PNG, WEBP, AVIF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "JPEG, PNG, WEBP, AVIF"),
        (picture(size=(6000, 4001), mode="1"), "6000 × 4001 pixels; at most 24 million fit"),
        (picture(size=(30_000, 30_000), mode="1"), "far too many pixels; at most 24 million fit"),
        (bytes(pictures.LARGEST_BYTES + 1), "6.0 MiB; at most 6 fit"),
    ],
    ids=["nothing", "svg", "pdf", "gif", "damaged", "too many pixels", "bomb", "too many bytes"],
)
def test_what_is_no_picture_for_the_shop_is_refused_with_what_is(content: bytes, told: str) -> None:
    with pytest.raises(PictureError, match=told):
        check(content)


def test_half_a_picture_is_refused_when_it_is_decoded() -> None:
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    written = BytesIO()
    noise.save(written, "PNG")
    half = written.getvalue()[:20_000]
    check(half)
    with pytest.raises(PictureError, match="cannot be decoded"):
        prepare(half)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "AVIF"]),
    changes=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_whatever_is_damaged_is_kept_as_a_picture_or_refused(
    kind: str, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(picture(kind))
    for place, value in changes:
        content[place % len(content)] = value
    try:
        kept = prepare(bytes(content))
    except PictureError:
        return
    assert shown(kept.content).format == "WEBP"
