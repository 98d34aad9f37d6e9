"""`python -m app.mailsink`: take mails on SMTP_PORT and show them on PORT until SIGTERM."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn

from app.mailsink.server import make_app


def main() -> None:
    """Serve. Exits with one line when the environment is wrong."""
    folder = Path(os.environ.get("MAIL_DATA", ""))
    if not os.environ.get("MAIL_DATA") or not folder.is_dir():
        sys.exit(f"mailsink: MAIL_DATA is {str(folder)!r}: it must name a folder to keep mails in")
    port, smtp_port = os.environ.get("PORT", "8000"), os.environ.get("SMTP_PORT", "1025")
    if not (port.isdecimal() and smtp_port.isdecimal()):
        sys.exit(f"mailsink: PORT is {port!r} and SMTP_PORT {smtp_port!r}: both must be numbers")
    uvicorn.run(
        make_app(folder, int(smtp_port), host=os.environ.get("SMTP_HOST", "0.0.0.0")),  # noqa: S104
        host="0.0.0.0",  # noqa: S104  # inside the stack's network
        port=int(port),
        log_level="warning",
        access_log=False,
    )


main()
