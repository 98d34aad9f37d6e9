"""The sink's two doors: SMTP takes mails, HTTP shows them as JSON; both in the stack's own network only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from litestar import Litestar, delete, get
from litestar.exceptions import NotFoundException

from app.mailsink.storage import Head, Mail, Storage

LARGEST_MAIL = 2 * 1024 * 1024
MOST_LISTED = 200


class _Keeper:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802, ARG002
        content = envelope.content
        source = content.encode() if isinstance(content, str) else content or b""
        self.storage.keep(envelope.mail_from or "", envelope.rcpt_tos, source)
        return "250 kept"


def make_app(folder: Path, smtp_port: int, *, host: str = "") -> Litestar:
    """The HTTP side; the SMTP side starts and ends with it."""
    storage = Storage(folder)
    controller = Controller(
        _Keeper(storage), hostname=host, port=smtp_port, data_size_limit=LARGEST_MAIL, ready_timeout=10
    )

    @asynccontextmanager
    async def serve_smtp(_: Litestar) -> AsyncIterator[None]:
        controller.start()
        yield
        controller.stop()

    @get("/health/ready", sync_to_thread=False)
    def show_ready() -> dict[str, str]:
        return {"state": "ready"}

    @get("/v1/mails", sync_to_thread=True)
    def list_mails(recipient: str = "", limit: int = 50) -> list[Head]:
        return storage.list(recipient, max(1, min(limit, MOST_LISTED)))

    @get("/v1/mails/{mail:int}", sync_to_thread=True)
    def show_mail(mail: int) -> Mail:
        found = storage.read(mail)
        if found is None:
            raise NotFoundException(f"There is no mail {mail}.")
        return found

    @delete("/v1/mails", sync_to_thread=True)
    def clear_mails() -> None:
        storage.clear()

    return Litestar(
        [show_ready, list_mails, show_mail, clear_mails],
        lifespan=[serve_smtp],
        openapi_config=None,
        logging_config=None,
    )
