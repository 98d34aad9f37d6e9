"""Request bodies, taken exactly as the document describes them.

The framework reads JSON into plain values and then makes them fit: the text "5" passes for a number, a
number for a time. That would be to guess what a client meant, so bodies are decoded into their types at once.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import SerializationException, ValidationException

# How msgspec ends its messages: where in the body the fault is.
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON is of the type that its handler names for `data`."""

    async def json(self) -> Any:
        """The handler's `data`. Raises ValidationException (422) or SerializationException (400)."""
        data = self.route_handler.parsed_fn_signature.parameters.get("data")
        if data is None:
            return await super().json()
        try:
            return msgspec.json.decode(await self.body(), type=data.annotation)
        except msgspec.ValidationError as error:
            place = _PLACE.search(str(error))
            fault = {"key": place[1] if place else "", "message": _PLACE.sub("", str(error))}
            raise ValidationException("The body does not fit its schema", extra=[fault]) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SerializationException(str(error)) from error
