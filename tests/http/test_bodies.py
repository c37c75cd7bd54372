"""Bodies that are large, slow, cut off, pipelined; and requests that are no HTTP at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.types import pack
from statefun_actors.wire import v3_pb2
from tests.http.serving import DEADLINE, Server, request, serving

APP = """
from statefun_actors import Entity, handles, persisted


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message

    @handles(bytes)
    def weigh(self, message: bytes) -> None:
        self.n += len(message)
"""
LIMIT = 32 * 1024 * 1024
COUNTER = Address("test/counter", "a")
HEAD = b"POST /statefun HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    app = tmp_path_factory.mktemp("bodies") / "app.py"
    app.write_text(APP, encoding="utf-8")
    with serving(app) as running:
        yield running
        code, shown = running.stop()
        assert code == 0
        assert "Traceback" not in shown


def of_size(size: int) -> bytes:
    """A good request of exactly *size* bytes."""
    weight = size - len(request(COUNTER, b"x", state={"n": None}))
    while True:
        body = request(COUNTER, bytes(weight), state={"n": None})
        if len(body) == size:
            return body
        weight -= len(body) - size


def good(server: Server) -> None:
    status, reply = server.post(request(COUNTER, 2, state={"n": pack(5)}))
    assert status == 200
    [mutation] = v3_pb2.FromFunction.FromString(reply).invocation_result.state_mutations
    assert mutation.state_value.value == pack(7).value


def chunked(body: bytes, piece: int = 1 << 20) -> bytes:
    pieces = (body[at : at + piece] for at in range(0, len(body), piece))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in pieces) + b"0\r\n\r\n"


def framed(body: bytes, *, in_chunks: bool) -> bytes:
    if in_chunks:
        return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def reply_to(connection: socket.socket) -> bytes:
    """Everything until the length that the reply announces."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return got
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        more = connection.recv(65536)
        assert more
        body += more
    return head + b"\r\n\r\n" + body


@pytest.fixture
def connection(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection((server.host, server.port), DEADLINE) as opened:
        yield opened


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_a_body_of_32_mib_is_taken(server: Server, connection: socket.socket, in_chunks: bool) -> None:
    connection.sendall(framed(of_size(LIMIT), in_chunks=in_chunks))

    assert reply_to(connection).startswith(b"HTTP/1.1 200 ")
    good(server)


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + (8 << 20)])
def test_a_longer_one_is_refused_and_its_sender_can_read_that(
    server: Server, connection: socket.socket, size: int, in_chunks: bool
) -> None:
    connection.sendall(framed(bytes(size), in_chunks=in_chunks))
    answer = reply_to(connection)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"expected a body of at most 33554432 bytes" in answer
    assert b"connection: close" in answer.lower()
    good(server)


def test_a_length_beyond_the_limit_is_refused_before_the_body_is_there(
    server: Server, connection: socket.socket
) -> None:
    connection.sendall(HEAD + b"Content-Length: 99999999999\r\n\r\n" + bytes(200_000))

    assert reply_to(connection).startswith(b"HTTP/1.1 413 ")
    good(server)


@pytest.mark.parametrize("in_chunks", [False, True], ids=["length", "chunks"])
def test_a_body_that_comes_byte_by_byte_is_a_body(server: Server, connection: socket.socket, in_chunks: bool) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in framed(request(COUNTER, 1, state={"n": None}), in_chunks=in_chunks):
        connection.sendall(bytes([byte]))

    assert reply_to(connection).startswith(b"HTTP/1.1 200 ")
    good(server)


@pytest.mark.parametrize("cut", [1, 30, 120, 190])
def test_a_client_that_leaves_in_the_middle_of_a_request_harms_no_other(server: Server, cut: int) -> None:
    whole = framed(request(COUNTER, 1, state={"n": None}), in_chunks=False)
    with socket.create_connection((server.host, server.port), DEADLINE) as connection:
        connection.sendall(whole[: min(cut, len(whole) - 1)])

    good(server)


def test_pipelined_requests_are_answered_in_their_order(server: Server, connection: socket.socket) -> None:
    bodies = [request(COUNTER, number, state={"n": None}) for number in range(1, 21)]
    connection.sendall(b"".join(framed(body, in_chunks=bool(at % 2)) for at, body in enumerate(bodies)))
    got = b""
    while got.count(b"HTTP/1.1 200") < 20 or not got.endswith(pack(20).value):
        more = connection.recv(65536)
        assert more
        got += more

    at = [got.index(pack(number).value) for number in range(1, 21)]
    assert at == sorted(at)
    good(server)


def test_a_refused_method_does_not_cost_the_connection_its_next_request(server: Server) -> None:
    connection = server.connection()
    for method in ("DELETE", "GET"):
        connection.request(method, "/statefun")
        response = connection.getresponse()
        assert (response.status, response.getheader("Allow"), response.read()) == (
            405,
            "POST",
            f"send batches by POST, not {method}\n".encode(),
        )
    connection.close()
    good(server)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "?"}],
)
def test_any_content_type_will_do(server: Server, headers: dict[str, str]) -> None:
    connection = server.connection()
    connection.request("POST", "/statefun?x=y", request(COUNTER, 1, state={"n": None}), headers)
    status = connection.getresponse().status
    connection.close()

    assert status == 200


def test_a_compressed_body_is_refused_for_what_it_is(server: Server) -> None:
    connection = server.connection()
    connection.request("POST", "/statefun", b"\x1f\x8b\x08junk", {"Content-Encoding": "gzip"})
    response = connection.getresponse()
    text = response.read()
    connection.close()

    assert (response.status, response.getheader("Accept-Encoding")) == (415, "identity")
    assert text == b"expected a body without content encoding, got gzip\n"
    good(server)


SMUGGLED = b"POST /statefun HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
NO_HTTP = {
    "nothing": b"",
    "noise": bytes(range(256)) * 4,
    "zeros": bytes(5000),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "a half request line": b"POST /statef",
    "no version": b"POST /statefun\r\n\r\n",
    "HTTP 0.9": b"GET /healthz\r\n",
    "HTTP 3.0": b"POST /statefun HTTP/3.0\r\nHost: x\r\n\r\n",
    "HTTP 1.0": b"POST /statefun HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
    "no host": b"POST /statefun HTTP/1.1\r\nContent-Length: 1\r\n\r\nx",
    "a long line": b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "many headers": HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
    "a long header": HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
    "a header without a colon": HEAD + b"nonsense\r\n\r\n",
    "a NUL in a header": HEAD + b"X: a\x00b\r\n\r\n",
    "a bare line feed": HEAD + b"X: a\n\rb\r\n\r\n",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a length in words": HEAD + b"Content-Length: ten\r\n\r\n",
    "an endless length": HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "an unknown coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 100 + b"\r\nabc",
    "a chunk that is longer than it says": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcdef\r\n0\r\n\r\n",
    "a chunk extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
    "trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: y\r\n\r\n",
    "a path with bytes beyond ASCII": b"POST /st\xe4tefun HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path that goes up": b"POST /statefun/../../etc HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "a path in percents": b"POST /%73tatefun%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "a path that is no UTF-8": b"POST /%ff%fe HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "an absolute URI": b"POST http://x/statefun HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "TRACE": b"TRACE /statefun HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unheard-of method": b"BREW /statefun HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long method": b"M" * 3000 + b" /statefun HTTP/1.1\r\nHost: x\r\n\r\n",
    "an expectation": HEAD + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
    "an unknown expectation": HEAD + b"Expect: miracles\r\nContent-Length: 1\r\n\r\nx",
    "a WebSocket": b"GET /statefun HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "half of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(50),
    "HTTP/2 noise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200,
    "an upgrade to HTTP/2": b"GET /statefun HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nHTTP2-Settings: !!!\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", NO_HTTP)
def test_after_any_bytes_on_the_wire_the_next_request_is_answered(server: Server, name: str) -> None:
    with socket.create_connection((server.host, server.port), DEADLINE) as connection:
        try:
            connection.sendall(NO_HTTP[name])
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while more := connection.recv(65536):
                answer += more
        except ConnectionError:
            answer = b""  # closed in the middle of what it was sent

    assert b"Traceback" not in answer
    assert not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 500"))
    good(server)


@pytest.mark.needs("/proc")
def test_connections_that_their_clients_closed_are_gone(server: Server) -> None:
    for _ in range(50):
        good(server)
    listed = Path(f"/proc/{server.process.pid}/fd")
    for _ in range(200):  # each request gives the server a turn
        if sum(1 for _ in listed.iterdir()) < 30:
            return
        good(server)
    raise AssertionError(f"{sum(1 for _ in listed.iterdir())} files are open")
