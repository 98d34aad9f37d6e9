"""Verbs on collections: make, describe, and say which a product is in, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.catalog import desk_queries as queries
from app.catalog.drafts import slug
from app.core.database import Connection, Database
from app.core.problems import Invalid, NotFound, Problem

# `/collections/all` is every product.
RESERVED = frozenset({"all"})


async def list_collections(database: Database) -> list[dict[str, Any]]:
    """Every collection with the number of its products, published or not."""
    return [dict(row) for row in await database.fetch(queries.COLLECTIONS)]


async def read_collection(connection: Connection | Database, collection_id: int) -> dict[str, Any]:
    """One collection. Raises NotFound."""
    row = await connection.fetchrow(queries.COLLECTION, collection_id)
    if row is None:
        raise NotFound(f"There is no collection {collection_id}.")
    return dict(row)


async def add_collection(connection: Connection, title: str, description: str) -> int:
    """Make a collection; its address is made of the title. Raises Invalid, or Problem 409 if it is taken."""
    handle = slug(title)
    if not handle or handle in RESERVED:
        raise Invalid({"title": f"{title!r} gives no address: use Latin letters, and not 'all'."})
    made = await connection.fetchval(queries.ADD_COLLECTION, handle, title, description)
    if made is None:
        detail = f"There is a collection at {handle!r} already."
        raise Problem(409, "handle-taken", "The address is taken", detail)
    return int(made)


async def change_collection(connection: Connection, collection_id: int, title: str, description: str) -> None:
    """Describe a collection anew; its address stays, since others link to it."""
    await connection.execute(queries.CHANGE_COLLECTION, collection_id, title, description)


async def collections_of(connection: Connection | Database, product_id: int) -> list[int]:
    """The collections that a product is in."""
    return [row["collection_id"] for row in await connection.fetch(queries.COLLECTIONS_OF, product_id)]


async def set_collections(connection: Connection, product_id: int, wanted: Sequence[int]) -> None:
    """Put a product into exactly these collections; an unknown one is left out."""
    await connection.execute(queries.LEAVE_COLLECTIONS, product_id, list(wanted))
    await connection.execute(queries.JOIN_COLLECTIONS, product_id, list(wanted))
