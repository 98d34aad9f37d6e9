"""Pictures in a bucket: what is sent over the wire, and what is said when the bucket refuses."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from app.core.settings import Settings, SettingsError, read_settings
from app.media.adapters import has_media, make_media
from app.media.bucket import Bucket
from app.media.folder import Folder


class Wire(BaseHTTPRequestHandler):
    """Takes what is put below /pictures, and refuses the rest as S3 does."""

    kept: dict[str, tuple[bytes, dict[str, str]]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        mine = self.path.startswith("/pictures/")
        if mine:
            self.kept[self.path] = (body, dict(self.headers))
        self.send_response(200 if mine else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, tuple[bytes, dict[str, str]]]]:
    """What a bucket named `pictures` holds, by path: content and headers."""
    Wire.kept = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wire)
    Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)
    yield Wire.kept
    server.shutdown()
    server.server_close()


async def test_a_picture_is_put_where_the_edge_looks_for_it(
    kept: dict[str, tuple[bytes, dict[str, str]]],
) -> None:
    await Bucket("pictures", "eu-central-1").keep("uploads/1.webp", b"RIFF", "image/webp")
    content, headers = kept["/pictures/media/uploads/1.webp"]
    assert b"RIFF" in content
    assert headers["Content-Type"] == "image/webp"
    assert "immutable" in headers["Cache-Control"]


async def test_a_bucket_that_refuses_is_named(kept: dict[str, tuple[bytes, dict[str, str]]]) -> None:
    with pytest.raises(OSError, match=r"s3://foreign/media/uploads/1.webp cannot be written: .*403"):
        await Bucket("foreign", "eu-central-1").keep("uploads/1.webp", b"RIFF", "image/webp")


def test_the_settings_choose_the_place(environ: dict[str, str], settings: Settings) -> None:
    assert isinstance(make_media(settings), Folder)
    on_aws = read_settings({**environ, "MEDIA_BUCKET": "pictures", "AWS_REGION": "eu-central-1"})
    assert isinstance(make_media(on_aws), Bucket)
    nowhere = read_settings({**environ, "MEDIA_ROOT": ""})
    assert make_media(nowhere) is None
    assert not has_media(nowhere)


def test_a_bucket_without_its_region_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="AWS_REGION is not set: MEDIA_BUCKET is 'pictures'"):
        read_settings({**environ, "MEDIA_BUCKET": "pictures"})
