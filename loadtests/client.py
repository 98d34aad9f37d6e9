"""HTTP/1.1 as a visitor's browser speaks it to one store, at a small price for each request.

One connection, kept while the server keeps it, and cookies. A request that fails raises OSError (refused,
reset, closed, timed out) or HTTPException (not HTTP). Only a GET is sent again, once, and only
on a connection that turns out to have been closed before any of its answer came: a POST never is.
Nothing is followed: where an answer leads to is in its `headers`, by names in lower case.
"""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import Callable, Mapping
from http.client import HTTPException
from select import POLLIN
from typing import Any
from urllib.parse import quote, urlsplit

import brotli
import gevent
from gevent import monkey
from gevent import socket as gevent_socket
from geventhttpclient._parser import HTTPResponseParser

PLAIN = re.compile(r"[!-~]+")
RESERVED = "%/?#[]@!$&'()*+,;=:~"
MOST_AT_ONCE = 65536


class Answer:
    """What the server said. `headers` of one name are joined by commas; cookies are the client's."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def read(self) -> bytes:
        """The body without its compression. Raises HTTPException."""
        coding = self.headers.get("content-encoding", "identity")
        try:
            if coding == "br":
                return bytes(brotli.decompress(self.body))
            # 47: zlib tells gzip and deflate apart by itself.
            return zlib.decompress(self.body, 47) if coding in {"gzip", "deflate"} else self.body
        except (zlib.error, brotli.error) as error:
            raise HTTPException(f"the body is no {coding}: {error}") from None


class Client:
    """`trust` is asked for when a connection is made to an https address."""

    def __init__(
        self,
        url: str,
        trust: Callable[[], ssl.SSLContext],
        *,
        connect_seconds: float = 10.0,
        answer_seconds: float = 30.0,
    ) -> None:
        where = urlsplit(url)
        if where.scheme not in {"http", "https"} or not where.hostname:
            raise ValueError(f"{url!r} is no address of a store: it is http:// or https:// and a host")
        self._host, self._secure = where.hostname, where.scheme == "https"
        self._port = where.port or (443 if self._secure else 80)
        self._trust = trust
        self._connect_seconds, self._answer_seconds = connect_seconds, answer_seconds
        self._middle = (
            f" HTTP/1.1\r\nHost: {where.netloc.rpartition('@')[2]}\r\nAccept-Encoding: gzip, br\r\n"
        )
        self._connection: Any = None
        self.cookies: dict[str, str] = {}

    def forget(self) -> None:
        """Close the connection and have no cookies: be another browser."""
        self.close()
        self.cookies.clear()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Send it and wait for the whole answer. Raises OSError and HTTPException."""
        sent = self._encode(method, path, headers, body)
        timer = gevent.Timeout.start_new(self._connect_seconds + self._answer_seconds)
        try:
            return self._exchange(method, sent)
        except gevent.Timeout as fired:
            self.close()
            if fired is not timer:
                raise
            raise TimeoutError(f"no whole answer in {self._answer_seconds:g} s") from None
        except BaseException:
            # Half an answer must not be the beginning of the next one.
            self.close()
            raise
        finally:
            timer.close()

    def _encode(self, method: str, path: str, headers: Mapping[str, str] | None, body: bytes | None) -> bytes:
        if not PLAIN.fullmatch(path):
            path = quote(path, safe=RESERVED)
        lines = [f"{method} {path}{self._middle}"]
        if headers:
            lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
        if self.cookies:
            cookies = "; ".join([f"{name}={value}" for name, value in self.cookies.items()])
            lines.append(f"Cookie: {cookies}\r\n")
        if body is not None or method != "GET":
            lines.append(f"Content-Length: {len(body or b'')}\r\n")
        lines.append("\r\n")
        return "".join(lines).encode("latin-1") + (body or b"")

    def _exchange(self, method: str, sent: bytes) -> Answer:
        used = self._connection is not None
        if used and method != "GET" and _has_ended(self._connection):
            self.close()
            used = False
        parser = _Parser()
        try:
            self._converse(sent, parser)
        except ConnectionError:
            if not used or method != "GET" or parser.begun:
                raise
            self.close()
            parser = _Parser()
            self._converse(sent, parser)
        if not parser.keep:
            self.close()
        for cookie in parser.cookies:
            self._keep_cookie(cookie)
        return Answer(parser.status, parser.headers, b"".join(parser.parts))

    def _converse(self, sent: bytes, parser: _Parser) -> None:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._connect()
        connection.sendall(sent)
        while not parser.done:
            data = connection.recv(MOST_AT_ONCE)
            parser.begun = parser.begun or bool(data)
            if not data and not parser.begun:
                raise ConnectionResetError("the server closed the connection without an answer")
            parser.feed(data)
            if not data and not parser.done:
                raise ConnectionResetError("the server closed the connection in the middle of its answer")

    def _connect(self) -> Any:
        address = (self._host, self._port)
        connection = gevent_socket.create_connection(address, timeout=self._connect_seconds)
        try:
            connection.setsockopt(gevent_socket.IPPROTO_TCP, gevent_socket.TCP_NODELAY, 1)
            if self._secure:
                connection = self._trust().wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise
        # From here on the request's own timer counts: one for all that is sent and received.
        connection.settimeout(None)
        return connection

    def _keep_cookie(self, text: str) -> None:
        """Keep it as a browser does for one host; the store's cookies are all for the path /."""
        pair, *attributes = text.split(";")
        name, _, value = pair.strip().partition("=")
        ended = any(each.strip().lower() in {"max-age=0", "max-age=-1"} for each in attributes)
        if ended or not value:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value


class _Parser(HTTPResponseParser):  # type: ignore[misc, unused-ignore]
    """One answer; called back by llhttp. Interim answers (1xx) are passed over."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = self.done = self.keep = False
        self.status = 0
        self._begin()

    def _begin(self) -> None:
        self.headers: dict[str, str] = {}
        self.cookies: list[str] = []
        self.parts: list[bytes] = []
        self._name = self._value = ""
        self._naming = False

    def _on_status(self, text: str) -> None:
        """The reason says nothing that the number does not."""

    def _on_message_begin(self) -> None:
        if self.done:
            raise HTTPException("more came than the one answer")
        if self.headers:
            self._begin()

    def _on_header_field(self, text: str) -> None:
        if self._naming:
            self._name += text
            return
        self._keep()
        self._name, self._value, self._naming = text, "", True

    def _on_header_value(self, text: str) -> None:
        self._naming = False
        self._value += text

    def _on_headers_complete(self) -> bool:
        self._keep()
        self._name = ""
        return False

    def _on_body(self, data: bytearray) -> None:
        self.parts.append(bytes(data))

    def _on_message_complete(self) -> None:
        self.status = self.get_code()
        self.done = self.status >= 200
        self.keep = self.should_keep_alive()

    def _keep(self) -> None:
        name = self._name.lower()
        if name == "set-cookie":
            self.cookies.append(self._value)
        elif name in self.headers:
            self.headers[name] += f", {self._value}"
        elif name:
            self.headers[name] = self._value


# Asked without waiting, so gevent's own has no part in it.
_poll = monkey.get_original("select", "poll")


def _has_ended(connection: Any) -> bool:
    """Whether the server has closed an idle connection, or said what nobody asked for."""
    poll = _poll()
    poll.register(connection.fileno(), POLLIN)
    return bool(poll.poll(0))
