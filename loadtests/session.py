"""The client as Locust knows it: each request is told to Locust's `request` event, with its verdict."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from http.client import HTTPException
from time import perf_counter
from typing import Any, Self

from locust import User
from locust.exception import CatchResponseError

from loadtests.client import Answer, Client

UNANSWERED = Answer(0, {}, b"")


class Sent:
    """A request and what came of it; told to Locust at the end of its `with`, and a failure unless 2xx.

    `success` and `failure` say otherwise; `error` is why there was no answer, with `status_code` 0.
    """

    __slots__ = ("_answer", "_content", "_fire", "_told", "_verdict", "error")

    def __init__(self, answer: Answer, error: Exception | None, fire: Any, told: dict[str, Any]) -> None:
        self._answer, self.error, self._fire, self._told = answer, error, fire, told
        self._content: bytes | None = None
        self._verdict = error
        if error is None and not 200 <= answer.status < 300:
            self._verdict = CatchResponseError(f"{answer.status} instead of 200 to 299")

    @property
    def status_code(self) -> int:
        return self._answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def content(self) -> bytes:
        """The body; what cannot be unpacked is a failure, and empty."""
        if self._content is None:
            try:
                self._content = self._answer.read()
            except HTTPException as error:
                self._content, self._verdict = b"", error
        return self._content

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")

    def success(self) -> None:
        self._verdict = None

    def failure(self, why: str) -> None:
        self._verdict = CatchResponseError(why)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and self._verdict is None:
            self._verdict = error
        self._fire(**self._told, response=self, exception=self._verdict)


class Session:
    """What a user asks by: `client` underneath, and the event of its environment above."""

    def __init__(self, user: LeanUser, client: Client, base: str) -> None:
        self._user, self._client, self._base = user, client, base
        self._fire = user.environment.events.request.fire

    def forget(self) -> None:
        """Be another browser."""
        self._client.forget()

    def send(
        self,
        method: str,
        path: str,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        **context: Any,
    ) -> Sent:
        """One request, answered or not; to be used in a `with`, which ends it."""
        told = {**self._user.context(), **context}
        error: Exception | None = None
        start_time, begin = time.time(), perf_counter()
        try:
            answer = self._client.request(method, path, headers, body)
        except (OSError, HTTPException) as failed:
            answer, error = UNANSWERED, failed
        seconds = perf_counter() - begin
        request = {
            "request_type": method,
            "name": name or path,
            "context": told,
            "start_time": start_time,
            "url": self._base + path,
            "response_length": len(answer.body),
            "response_time": seconds * 1000,
        }
        return Sent(answer, error, self._fire, request)


class LeanUser(User):
    """A Locust user whose `client` asks for half the time of a core that FastHttpUser's does."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.host is None:
            raise ValueError("there is no host to send to: give one by --host")
        base = self.host.rstrip("/")
        self.client = Session(self, Client(base, self.trust), base)

    def trust(self) -> ssl.SSLContext:
        """What connections to https are made by: the machine's authorities, unless a user knows better."""
        return ssl.create_default_context()
