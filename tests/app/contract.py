"""Holds every error that a test is answered against the API's document.

What the document does not say surprises whoever wrote a client by it. Fuzzing meets such an error by chance
only; the store's own tests provoke most errors there are, so every answer to them is looked at.
"""

from __future__ import annotations

import re
from typing import Any

import httpx

PROBLEM = "application/problem+json"


class Contract:
    """The problem types that each operation of the store at `url` may answer, by its own document."""

    def __init__(self, url: str) -> None:
        answer = httpx.get(f"{url}/api/v1/openapi.json", timeout=20, trust_env=False)
        paths = answer.raise_for_status().json()["paths"]
        self._operations = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), by_method) for path, by_method in paths.items()
        ]

    def hold(self, response: httpx.Response) -> None:
        """An event hook of httpx.Client: AssertionError at an error that the document leaves out."""
        if response.headers.get("content-type", "").startswith(PROBLEM):
            response.read()
            self._compare(response)

    async def hold_async(self, response: httpx.Response) -> None:
        """The same for httpx.AsyncClient."""
        if response.headers.get("content-type", "").startswith(PROBLEM):
            await response.aread()
            self._compare(response)

    def _compare(self, response: httpx.Response) -> None:
        request = response.request
        told = f"{request.method} {request.url.path} answers {response.status_code} {response.text}"
        operation = self._find(request.method, request.url.path)
        if operation is None:
            # The document does not have this address or method: it says nothing of the answer either.
            assert response.status_code in (403, 404, 405), told
            return
        documented = operation["responses"].get(str(response.status_code), {}).get("content", {})
        allowed = documented[PROBLEM]["schema"]["properties"]["type"]["enum"] if documented else []
        assert response.json()["type"] in allowed, f"{told}; the document allows {allowed}"

    def _find(self, method: str, path: str) -> dict[str, Any] | None:
        for pattern, by_method in self._operations:
            if pattern.fullmatch(path) and method.lower() in by_method:
                return dict(by_method[method.lower()])
        return None
