"""A picture to send."""

from __future__ import annotations

import secrets
from io import BytesIO

import pytest
from PIL import Image


@pytest.fixture
def photo() -> bytes:
    """A JPEG that no other test sends."""
    written = BytesIO()
    Image.frombytes("RGB", (40, 30), secrets.token_bytes(3600)).save(written, "JPEG")
    return written.getvalue()
