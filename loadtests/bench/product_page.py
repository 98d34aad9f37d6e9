"""The product page, uncached, against a handler that reads one row and renders the same template.

Both are one process of the same server, asked in turn by the same client. Goal: at least 0.5 of the bare one.

    python -m loadtests.bench.product_page
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar, Response, get

from app.catalog import importer
from app.core import templating
from app.core.database import Database
from app.core.settings import read_settings
from app.web import configure_server
from app.website import layout
from loadtests.bench.servers import CONNECTIONS, Client, Store, pair, rate, running_store
from tests.app.processes import Process
from tests.ports import free_port

HANDLES = "SELECT handle FROM products WHERE published ORDER BY id LIMIT 200"
ROW = "SELECT id, handle, title, body_html, vendor, kind FROM products WHERE handle = $1"


def serve_bare() -> None:
    """The bare handler: one row by its handle, then the template with values made once."""
    settings = read_settings()
    database = Database(settings.database_dsn)
    templating.set_globals(
        {"public_url": lambda path="/": f"{settings.public_url}{path}", **layout.template_globals(settings)}
    )
    context: dict[str, Any] = pickle.loads(Path(os.environ["BENCH_CONTEXT"]).read_bytes())  # noqa: S301  # own file

    @get("/products/{handle:str}")
    async def show(handle: str) -> Response[bytes]:
        await database.fetchrow(ROW, handle)
        return templating.render("catalog/product.html", context)

    @get("/health/live", sync_to_thread=False)
    def live() -> str:
        return "live"

    app = Litestar([show, live], on_startup=[database.open], openapi_config=None, logging_config=None)
    uvicorn.Server(configure_server(app, settings.port)).run()


async def keep_context(store: Store, handle: str, path: Path) -> None:
    """What the store gives the template for this product."""
    from app.catalog import routes

    kept: dict[str, Any] = {}

    def catch(_request: object, _name: str, context: dict[str, Any], **_options: Any) -> Response[bytes]:
        kept.update(context)
        return Response(b"")

    database = Database(store.settings.database_dsn)
    await database.open()
    rendered = vars(routes)["render_public"]
    vars(routes)["render_public"] = catch
    templating.set_globals({"public_url": lambda path="/": path, **layout.template_globals(store.settings)})

    class Asked:
        query_params: dict[str, str] = {}  # noqa: RUF012  # only read

    await routes.show_product.fn(Asked(), database, store.settings, handle)
    vars(routes)["render_public"] = rendered
    await database.close()
    path.write_bytes(pickle.dumps(kept))


async def main() -> None:
    with running_store() as store:
        sample = Path(importer.__file__).parents[1] / "sample" / "catalogue.csv"
        await importer.run(store.settings, sample)
        async with store.owner() as owner:
            handles = [row["handle"] for row in await owner.fetch(HANDLES)]
        folder = Path(store.environ["MEDIA_ROOT"])
        await keep_context(store, handles[0], folder / "context")
        environ = {**store.environ, "BENCH_CONTEXT": str(folder / "context")}
        bare = Process(["loadtests.bench.product_page", "bare"], environ, folder / "bare.log", free_port())
        bare.start()
        try:
            ours, theirs = await pair(lambda: ask(store.url, handles), lambda: ask(bare.url, handles))
        finally:
            bare.stop()
        print(
            f"product page {ours:,.0f}/s, bare handler {theirs:,.0f}/s,"
            f" ratio {ours / theirs:.2f} (goal ≥ 0.5)"
        )


async def ask(url: str, handles: list[str]) -> float:
    clients = [Client(url) for _ in range(CONNECTIONS)]

    async def show(worker: int, number: int) -> None:
        status, _ = await clients[worker].send("GET", f"/products/{handles[number % len(handles)]}")
        if status != 200:
            raise RuntimeError(f"{url} answered {status}")

    measured = await rate(show, CONNECTIONS)
    for client in clients:
        client.close()
    return measured


if __name__ == "__main__":
    if sys.argv[1:] == ["bare"]:
        serve_bare()
    else:
        asyncio.run(main())
