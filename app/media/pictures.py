"""What becomes of an uploaded picture: upright, no larger than a page shows it, without what cameras add.

Photographs tell where and with what they were taken, and files that are called pictures may hold anything
else: the shop serves only what was decoded and written anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
LARGEST_BYTES = 6 * 1024 * 1024
# Decoded, 4 bytes each: what a worker of the default size holds beside its work.
MOST_PIXELS = 24_000_000
# Twice the width at which the product page shows the large picture, for dense screens.
LONGEST_SIDE = 1800
QUALITY = 82
KIND = "image/webp"


class PictureError(ValueError):
    """The file is no picture that the shop can show; the message says why and what does."""


@dataclass(frozen=True)
class Picture:
    """A picture as it is kept: `path` names its content, below MEDIA_URL."""

    path: str
    content: bytes


def check(content: bytes) -> None:
    """Raise PictureError for what its first bytes show to be no picture, or too large. Decodes nothing."""
    if len(content) > LARGEST_BYTES:
        raise PictureError(
            f"The file has {len(content) / 1024**2:.1f} MiB; at most {LARGEST_BYTES // 1024**2} fit."
        )
    _open(content).close()


def prepare(content: bytes) -> Picture:
    """The picture as WebP, upright, at most LONGEST_SIDE px, without metadata but its colours' profile.

    Of an animation, its first frame. Raises PictureError. Takes up to a second: not for the event loop.
    """
    check(content)
    written = BytesIO()
    with _open(content) as image:
        try:
            # JPEG decodes at a half, a quarter or an eighth of its size at once.
            image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            upright = ImageOps.exif_transpose(image)
            profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
            plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
            plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
            plain.save(written, "WEBP", quality=QUALITY, icc_profile=profile, exif=b"")
        except Exception as error:  # decoders raise whatever a broken file makes of them
            raise PictureError(
                f"The picture cannot be decoded ({error}): save it anew and try again."
            ) from error
    kept = written.getvalue()
    return Picture(f"uploads/{hashlib.sha256(kept).hexdigest()[:32]}.webp", kept)


def _open(content: bytes) -> Image.Image:
    try:
        image = Image.open(BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise PictureError(
            f"The picture has far too many pixels; at most {MOST_PIXELS // 10**6} million fit."
        ) from error
    except Exception as error:  # as above
        raise PictureError(f"The file is no picture of these kinds: {', '.join(FORMATS)}.") from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise PictureError(
            f"The picture has {image.width} × {image.height} pixels;"
            f" at most {MOST_PIXELS // 10**6} million fit."
        )
    return image
