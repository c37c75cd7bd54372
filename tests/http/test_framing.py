"""The length and host of a request: repeated, too large, absolute. The same by `serve` and `run`."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from statefun_actors import Address
from tests.http.running import running
from tests.http.serving import DEADLINE, request, serving

APP = """
from statefun_actors import Entity, handles, persisted


class Counter(Entity, typename="test/counter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
"""
LIMIT = 32 * 1024 * 1024


class Asked(NamedTuple):
    """A server, and a good request to it."""

    address: tuple[str, int]
    path: bytes
    body: bytes

    def head(self, *lines: bytes, target: bytes | None = None, host: bytes = b"localhost") -> bytes:
        start = b"POST %b HTTP/1.1" % (self.path if target is None else target)
        return b"\r\n".join([start, b"Host: " + host, b"Content-Type: application/json", *lines, b"", b""])

    def whole(self, *, target: bytes | None = None, host: bytes = b"localhost") -> bytes:
        return self.head(b"Content-Length: %d" % len(self.body), target=target, host=host) + self.body


@pytest.fixture(scope="module", params=["serve", "run"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("framing")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    if request.param == "serve":
        with serving(folder / "app.py") as server:
            yield Asked((server.host, server.port), b"/statefun", batch())
    else:
        with running(folder) as run:
            yield Asked((run.host, run.port), b"/ingress/test/counter/a", b"1")


def batch() -> bytes:
    return request(Address("test/counter", "a"), 1, state={"n": None})


def response_to(asked: Asked, data: bytes) -> bytes:
    """All that comes back until the server closes, which it has to."""
    with socket.create_connection(asked.address, DEADLINE) as connection:
        connection.sendall(data)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


def head_of_the_answer(asked: Asked, data: bytes) -> bytes:
    with socket.create_connection(asked.address, DEADLINE) as connection:
        connection.sendall(data)
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = connection.recv(65536)
            assert more
            answer += more
    return answer


def test_a_length_together_with_chunks_is_refused_and_what_follows_is_not_looked_at(asked: Asked) -> None:
    """They may have been read in two ways on the way here: RFC 9112, 6.1 and 6.3."""
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(asked.body), asked.body)
    both = asked.head(b"Content-Length: %d" % len(chunks), b"Transfer-Encoding: chunked")
    answer = response_to(asked, both + chunks + asked.whole())

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(
        b"\r\n\r\nboth Content-Length and Transfer-Encoding give the end of the body; send one of them\n"
    )


def test_that_holds_for_every_path(asked: Asked) -> None:
    both = asked.head(b"Content-Length: 5", b"Transfer-Encoding: chunked", target=b"/healthz")
    answer = response_to(asked, both + b"0\r\n\r\n" + asked.whole())

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("size", [LIMIT + 1, 99_999_999_999])
@pytest.mark.parametrize("expect", [(), (b"Expect: 100-continue",)], ids=["", "expecting"])
def test_a_body_that_would_be_too_long_is_refused_before_it_comes_or_is_asked_for(
    asked: Asked, size: int, expect: tuple[bytes, ...]
) -> None:
    answer = head_of_the_answer(asked, asked.head(b"Content-Length: %d" % size, *expect))

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nexpected a body of at most 33554432 bytes, got %d bytes\n" % size)


def test_one_that_is_not_is_asked_for(asked: Asked) -> None:
    with socket.create_connection(asked.address, DEADLINE) as connection:
        connection.sendall(asked.head(b"Content-Length: %d" % len(asked.body), b"Expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(asked.body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 20")


@pytest.mark.parametrize("target", [b"http://localhost%b", b"HTTP://localhost:8080%b?", b"https://127.0.0.1%b"])
def test_a_target_may_be_written_in_full(asked: Asked, target: bytes) -> None:
    """RFC 9112, 3.2.2: a server MUST accept it."""
    assert head_of_the_answer(asked, asked.whole(target=target % asked.path)).startswith(b"HTTP/1.1 20")


def test_a_target_in_full_without_a_path_is_the_root(asked: Asked) -> None:
    assert head_of_the_answer(asked, asked.whole(target=b"http://localhost")).startswith(b"HTTP/1.1 404 ")


def test_the_host_of_a_target_in_full_counts_and_not_the_other(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    with running(tmp_path) as run:
        asked = Asked((run.host, run.port), b"/ingress/test/counter/a", b"1")
        foreign = asked.whole(target=b"http://evil.example" + asked.path, host=b"localhost")
        ours = asked.whole(target=b"http://localhost" + asked.path, host=b"evil.example")
        refused, taken = head_of_the_answer(asked, foreign), head_of_the_answer(asked, ours)

    assert refused.startswith(b"HTTP/1.1 403 ")
    assert b"'evil.example' is not a name of this machine" in refused
    assert taken.startswith(b"HTTP/1.1 202 ")
