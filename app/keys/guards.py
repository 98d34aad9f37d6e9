"""Lets a request through to a management operation when its key has the scope."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app.keys import service
from app.keys.service import Scope

# The name of the security scheme in the API's document.
SCHEME = "api_key"


def needs(scope: Scope) -> dict[str, Any]:
    """What the decorator of an operation takes so that only keys with this scope get there.

    A guard runs before the body is read: who has no key learns nothing of what it would have to say.
    """

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        state = connection.app.state
        authorization = connection.headers.get("authorization", "")
        connection.state.key = await service.admit(state.database, state.cache, authorization, scope)

    return {"guards": [admit], "security": [{SCHEME: [str(scope)]}]}
