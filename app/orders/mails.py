"""Sends the outbox through SMTP: each mail is tried until the server has taken it or refused it for good.

A server that is away delays mails and loses none. A crash between the server's word and ours may send one
twice; its Message-ID is the same then, so that readers can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec
import structlog

from app.core.database import Connection, Database
from app.core.problems import NotFound
from app.core.settings import Settings
from app.core.templating import render_text
from app.orders import mail_queries as queries
from app.orders import workflow_queries

log = structlog.get_logger()

BATCH = 20
SMTP_SECONDS = 10.0
# Even a server that was away for a day is asked again within the half hour.
LONGEST_WAIT_SECONDS = 1800.0

SUBJECTS = {
    "confirmation": "Your order {number}",
    "shipping": "A parcel of your order {number} is on its way",
    "cancellation": "Cancelled: order {number}",
    "refund": "Money back for order {number}",
    "gift_card": "Your gift card of order {number}",
}


@dataclass(frozen=True)
class Mailer:
    """The mail server, `smtp://` (TLS when it offers that) or `smtps://`, and who the mails are from."""

    url: str
    sender: str
    password: str | None
    public_url: str

    @classmethod
    def of(cls, settings: Settings) -> Mailer:
        return cls(settings.smtp_url, settings.mail_from, settings.secrets.smtp_password, settings.public_url)

    def connect(self) -> aiosmtplib.SMTP:
        parts = urlsplit(self.url)
        tls = parts.scheme == "smtps"
        return aiosmtplib.SMTP(
            hostname=parts.hostname,
            port=parts.port or (465 if tls else 587),
            username=unquote(parts.username) if parts.username else None,
            password=self.password,
            use_tls=tls,
            timeout=SMTP_SECONDS,
        )


async def send_due_mails(database: Database, mailer: Mailer) -> int:
    """Send what is due; returns how many were sent. A server that is away ends the round."""
    async with database.connection() as connection:
        rows = await connection.fetch(queries.CLAIM, BATCH, LONGEST_WAIT_SECONDS)
    if not rows:
        return 0
    sent = 0
    try:
        async with mailer.connect() as server:
            for row in rows:
                sent += await _send(database, mailer, server, row)
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        log.warning("the mail server is away; the mails wait", waiting=len(rows) - sent, error=repr(error))
        for row in rows:
            await database.execute(queries.DELAYED, row["id"], str(error)[:500])
    return sent


async def list_mails(database: Database, order_id: int) -> list[Mapping[str, Any]]:
    """The order's mails and how each fared."""
    return [dict(row) for row in await database.fetch(queries.OF_ORDER, order_id)]


async def send_again(connection: Connection, order_id: int, mail_id: int) -> None:
    """Put the mail into the outbox once more. Raises NotFound."""
    if await connection.fetchval(queries.AGAIN, mail_id, order_id) is None:
        detail = f"The order has no mail {mail_id}, or its gift cards' codes are not kept any more."
        raise NotFound(detail)


async def _send(database: Database, mailer: Mailer, server: aiosmtplib.SMTP, row: Mapping[str, Any]) -> bool:
    try:
        await server.send_message(await _compose(database, mailer, row))
    except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
        code = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else error.recipients[0].code
        permanent = 500 <= code < 600
        log.warning("the mail server refuses a mail", mail=row["id"], permanent=permanent, error=str(error))
        await database.execute(queries.REFUSED if permanent else queries.DELAYED, row["id"], str(error)[:500])
        return False
    await database.execute(queries.SENT, row["id"])
    return True


async def _compose(database: Database, mailer: Mailer, row: Mapping[str, Any]) -> EmailMessage:
    context = {
        "order": row,
        "data": msgspec.json.decode(row["data"]),
        "lines": await database.fetch(workflow_queries.LINES, row["order_id"]),
        "fulfilments": [
            {**part, "lines": msgspec.json.decode(part["lines"])}
            for part in await database.fetch(workflow_queries.FULFILMENTS, row["order_id"])
        ],
        "address": msgspec.json.decode(row["shipping_address"]),
        "link": f"{mailer.public_url}/orders/{row['number']}?token={row['token']}",
    }
    domain = parseaddr(mailer.sender)[1].rpartition("@")[2]
    message = EmailMessage()
    message["Message-ID"] = f"<{row['kind']}.{row['id']}.{row['number']}@{domain}>"
    message["Date"] = format_datetime(row["created_at"])
    message["From"] = mailer.sender
    message["To"] = row["email"]
    message["Subject"] = SUBJECTS[row["kind"]].format(number=row["number"])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(render_text(f"orders/mail_{row['kind']}.txt", context))
    message.add_alternative(render_text(f"orders/mail_{row['kind']}.html", context), subtype="html")
    return message
