"""The visitors' client against a server that says, byte by byte, what each test wants to be said."""

import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path

import brotli
import gevent
import pytest
from gevent import ssl as gevent_ssl
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.client import Client
from tests.certificates import make_certificate

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = None
HANG = object()


class Server:
    """`plan` has a list for each connection: what is sent for each request, CLOSE without one, or HANG."""

    def __init__(self, *plan: list[object], context: ssl.SSLContext | None = None) -> None:
        self.plan, self.context = plan, context
        self.heard: list[tuple[int, bytes]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.listener.getsockname()[1]}"
        self.over = threading.Event()
        self.closed = [threading.Event() for _ in plan]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for number, answers in enumerate(self.plan):
            try:
                peer, _ = self.listener.accept()
                if self.context:
                    peer = self.context.wrap_socket(peer, server_side=True)
                self._answer(number, peer, answers)
            except OSError:
                pass
            self.closed[number].set()

    def _answer(self, number: int, peer: socket.socket, answers: list[object]) -> None:
        with peer:
            for answer in answers:
                if answer is CLOSE:
                    return
                heard = b""
                while b"\r\n\r\n" not in heard:
                    data = peer.recv(65536)
                    if not data:
                        return
                    heard += data
                self.heard.append((number, heard))
                if answer is HANG:
                    self.over.wait(20)
                    return
                assert isinstance(answer, bytes | list)
                for piece in answer if isinstance(answer, list) else [answer]:
                    peer.sendall(piece)


Start = Callable[..., tuple[Server, Client]]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Server] = []

    def begin(*plan: list[object], seconds: float = 5.0) -> tuple[Server, Client]:
        servers.append(Server(*plan))
        return servers[-1], Client(servers[-1].url, ssl.create_default_context, answer_seconds=seconds)

    yield begin
    for server in servers:
        server.over.set()
        server.listener.close()


def test_one_connection_serves_one_request_after_the_other(start: Start) -> None:
    server, client = start([OK, OK, OK])
    assert [client.request("GET", "/").read() for _ in range(3)] == [b"ok"] * 3
    assert [number for number, _ in server.heard] == [0, 0, 0]


def test_a_request_says_what_it_was_told_to(start: Start) -> None:
    server, client = start([OK])
    client.request("POST", "/search?q=grün tee&x=%20", {"X-Shopper": "10.0.0.1"}, b"a=b")
    head, _, body = server.heard[0][1].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /search?q=gr%C3%BCn%20tee&x=%20 HTTP/1.1"
    assert {b"Content-Length: 3", b"X-Shopper: 10.0.0.1", server.url[7:].join(("Host: ", "")).encode()} < set(
        head.split(b"\r\n")
    )
    assert body == b"a=b"


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=400), st.lists(st.integers(1, 300), max_size=6), st.booleans())
def test_a_body_is_whole_however_it_comes(body: bytes, cuts: list[int], chunked: bool) -> None:
    if chunked:
        half = len(body) // 2
        parts = [part for part in (body[:half], body[half:]) if part]
        head = b"HTTP/1.1 200 OK\r\nX-Long: and more\r\nTransfer-Encoding: chunked\r\n\r\n"
        sent = head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        sent = b"HTTP/1.1 200 OK\r\nX-Long: and more\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    edges = [0, *sorted(cuts), len(sent)]
    pieces = [sent[begin:end] for begin, end in pairwise(edges)]
    server = Server([pieces, OK])
    client = Client(server.url, ssl.create_default_context)
    answer = client.request("GET", "/")
    assert (answer.read(), answer.headers["x-long"]) == (body, "and more")
    assert client.request("GET", "/").read() == b"ok"
    assert len(server.heard) == 2
    server.listener.close()


def test_a_big_body_and_one_that_ends_with_the_connection(start: Start) -> None:
    big = bytes(3_000_000)
    server, client = start(
        [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(big), big)],
        [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"],
        [OK],
    )
    assert client.request("GET", "/").read() == big
    server.closed[0].wait(5)
    assert client.request("GET", "/").read() == b"to the end"
    assert client.request("GET", "/").read() == b"ok"


def test_packed_bodies_are_unpacked_and_broken_ones_told(start: Start) -> None:
    packed = [(b"gzip", gzip.compress(b"text")), (b"deflate", zlib.compress(b"text"))]
    packed += [(b"br", brotli.compress(b"text")), (b"gzip", b"nonsense")]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s"
    _, client = start([head % (coding, len(body), body) for coding, body in packed])
    assert [client.request("GET", "/").read() for _ in range(3)] == [b"text"] * 3
    with pytest.raises(HTTPException, match="the body is no gzip"):
        client.request("GET", "/").read()


def test_interim_answers_are_passed_over_and_an_answer_may_have_no_body(start: Start) -> None:
    _, client = start(
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, b"HTTP/1.1 204 No Content\r\n\r\n", OK]
    )
    first = client.request("GET", "/")
    assert (first.status, first.headers, first.read()) == (200, {"content-length": "2"}, b"ok")
    assert client.request("DELETE", "/").status == 204
    assert client.request("GET", "/").read() == b"ok"


def test_a_redirect_is_told_and_not_followed(start: Start) -> None:
    server, client = start([b"HTTP/1.1 303 See Other\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"])
    answer = client.request("POST", "/", body=b"")
    assert (answer.status, answer.headers["location"], len(server.heard)) == (303, "/there", 1)


def test_cookies_are_kept_sent_changed_and_forgotten(start: Start) -> None:
    def say(*cookies: bytes) -> bytes:
        lines = b"".join(b"Set-Cookie: %s\r\n" % cookie for cookie in cookies)
        return b"HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n" % lines

    plan: list[object] = [say(b"a=1; Path=/; Secure", b"b=x=y; HttpOnly"), say(b"a=2"), say(b"b=; Max-Age=0")]
    server, client = start([*plan, OK], [OK])
    for _ in range(4):
        client.request("GET", "/")
    client.forget()
    client.request("GET", "/")
    sent = [
        next((line[8:] for line in heard.split(b"\r\n") if line.startswith(b"Cookie: ")), b"")
        for _, heard in server.heard
    ]
    assert sent == [b"", b"a=1; b=x=y", b"a=2; b=x=y", b"a=2", b""]
    assert [number for number, _ in server.heard] == [0, 0, 0, 0, 1]


def test_a_get_comes_again_on_a_new_connection_if_the_kept_one_was_closed(start: Start) -> None:
    server, client = start([OK, CLOSE], [OK])
    client.request("GET", "/")
    server.closed[0].wait(5)
    assert client.request("GET", "/").read() == b"ok"


def test_a_post_goes_on_a_new_connection_when_the_kept_one_is_closed_already(start: Start) -> None:
    server, client = start([OK, CLOSE], [OK])
    client.request("GET", "/")
    server.closed[0].wait(5)
    assert client.request("POST", "/", body=b"").read() == b"ok"
    assert [heard[:4] for _, heard in server.heard] == [b"GET ", b"POST"]


def test_a_post_is_never_sent_twice(start: Start) -> None:
    server, client = start([OK, []], [OK])
    client.request("GET", "/")
    with pytest.raises(ConnectionError):
        client.request("POST", "/", body=b"")
    assert [heard[:4] for _, heard in server.heard] == [b"GET ", b"POST"]


def test_a_get_on_a_new_connection_is_not_sent_twice(start: Start) -> None:
    server, client = start([[]], [OK])
    with pytest.raises(ConnectionError, match="without an answer"):
        client.request("GET", "/")
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"nonsense\r\n\r\n", HTTPException),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", HTTPException),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", HTTPException),
        (OK + OK, HTTPException),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", OSError),
        (b"HTTP/1.1 200 OK\r\nContent-", OSError),
    ],
)
def test_an_answer_that_is_none_fails_and_the_next_begins_anew(
    start: Start, answer: bytes, error: type[Exception]
) -> None:
    _, client = start([answer], [OK])
    with pytest.raises((error, HTTPException)):
        client.request("GET", "/")
    assert client.request("GET", "/").read() == b"ok"


def test_no_answer_in_time_and_nobody_there(start: Start) -> None:
    server, client = start([HANG], [OK], seconds=0.2)
    client._connect_seconds = 0.1
    with pytest.raises(TimeoutError, match=r"no whole answer in 0\.2 s"):
        client.request("GET", "/")
    server.over.set()
    assert client.request("GET", "/").read() == b"ok"
    client.close()
    server.listener.close()
    with pytest.raises(ConnectionRefusedError):
        client.request("GET", "/")


def test_somebody_elses_time_out_is_not_swallowed(start: Start) -> None:
    _, client = start([HANG])
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.1):
        client.request("GET", "/")


def test_only_the_authority_that_is_trusted_is_talked_to(tmp_path: Path) -> None:
    pem, secret = make_certificate()
    (tmp_path / "both.pem").write_bytes(secret + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server = Server([OK], [OK, OK, CLOSE], [OK], context=context)
    with pytest.raises(ssl.SSLCertVerificationError):
        Client(server.url, gevent_ssl.create_default_context).request("GET", "/")
    client = Client(server.url, lambda: _trust(pem.decode()))
    assert [client.request("GET", "/").read() for _ in range(2)] == [b"ok"] * 2
    server.closed[1].wait(5)
    assert client.request("POST", "/", body=b"").read() == b"ok"
    server.listener.close()


def _trust(pem: str) -> ssl.SSLContext:
    context: ssl.SSLContext = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    return context
