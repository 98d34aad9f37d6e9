"""`python -m app.gateway`: serve the test gateway on PORT until SIGTERM; with `fault`, make it fail."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from app.gateway import command
from app.gateway.server import Config, make_app


def read_config(environ: Mapping[str, str]) -> Config:
    """Read the environment; exits with one line per missing or unreadable variable."""
    faults: list[str] = []

    def secret(name: str) -> str:
        try:
            return Path(environ[name]).read_text().strip()
        except KeyError:
            faults.append(f"{name} is not set: it must name a file that holds the secret")
        except OSError as error:
            faults.append(f"{name} is {environ[name]!r}, which cannot be read: {error.strerror}")
        return ""

    def value(name: str) -> str:
        if not environ.get(name):
            faults.append(f"{name} is not set")
        return environ.get(name, "")

    port = environ.get("PORT", "8000")
    if not port.isdecimal():
        faults.append(f"PORT is {port!r}: it must be a number")
        port = "0"
    config = Config(
        port=int(port),
        key=secret("GATEWAY_KEY_FILE"),
        webhook_key=secret("GATEWAY_WEBHOOK_KEY_FILE").encode(),
        webhook_url=value("WEBHOOK_URL"),
        public_url=value("PUBLIC_URL").rstrip("/"),
        folder=Path(value("GATEWAY_DATA")),
    )
    if faults:
        sys.exit("\n".join(f"gateway: {fault}" for fault in faults))
    return config


def main() -> None:
    """Serve with one process: SQLite has one writer."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if sys.argv[1:2] == ["fault"]:
        sys.exit(command.run(sys.argv[2:]))
    config = read_config(os.environ)
    uvicorn.run(
        make_app(config),
        host="0.0.0.0",  # noqa: S104  # inside its container; the networks decide who gets here
        port=config.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    main()
