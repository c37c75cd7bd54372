"""The load: connections that are kept open, each of which sends its next request when it has the answer to the last.

Requests are bytes, made beforehand; of an answer only its status, its length and its last number are looked at.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from itertools import cycle

import attrs

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_NUMBER = re.compile(rb"\d+")


def request(host: str, port: int, path: str, body: bytes, content_type: str, method: str = "POST") -> bytes:
    """One request as it goes over the wire."""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: {host}:{port}\r\naccept: */*\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@attrs.frozen
class Load:
    """What came of it. ``sent``: how often each request was answered; ``latencies`` in seconds, if kept."""

    answered: int
    seconds: float
    sent: dict[bytes, int]
    numbers: list[int]
    latencies: list[float]


class BadAnswerError(Exception):
    """An answer that is no success."""


class _Connection(asyncio.Protocol):
    def __init__(self, requests: Iterator[bytes], until: float, *, keep_numbers: bool, keep_times: bool) -> None:
        self._requests, self._until = requests, until
        self._keep_numbers, self._keep_times = keep_numbers, keep_times
        self._got = b""
        self._now = b""
        self._began = 0.0
        self.answered = 0
        self.sent: dict[bytes, int] = {}
        self.numbers: list[int] = []
        self.latencies: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        following = next(self._requests, None) if time.perf_counter() < self._until else None
        if following is None:
            self._transport.close()
            return
        self._now = following
        self._began = time.perf_counter()
        self._transport.write(following)

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data if self._got else data
        head = got.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(got, 0, head)
        end = head + 4 + (int(length[1]) if length is not None else 0)
        if len(got) < end:
            return
        if self._keep_times:
            self.latencies.append(time.perf_counter() - self._began)
        if got[9:10] != b"2":
            self._fail(BadAnswerError(got.decode(errors="replace")))
            return
        if self._keep_numbers:
            self.numbers.append(int(_NUMBER.findall(got, head)[-1]))
        self._got = b""
        self.answered += 1
        self.sent[self._now] = self.sent.get(self._now, 0) + 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            if exc is not None:
                self.ended.set_exception(exc)
            else:
                self.ended.set_result(None)

    def _fail(self, error: Exception) -> None:
        self.ended.set_exception(error)
        self._transport.abort()


async def send(
    host: str, port: int, requests: Sequence[bytes], *, connections: int, seconds: float | None, times: bool = False
) -> Load:
    """*requests* again and again for *seconds*; None = each of them once, and the numbers in the answers are kept.

    Raises:
        BadAnswerError: something was answered without success.
    """
    loop = asyncio.get_running_loop()
    opened: list[_Connection] = []
    began = time.perf_counter()
    until = float("inf") if seconds is None else began + seconds
    once = iter(requests)
    for number in range(connections):
        own = once if seconds is None else cycle(requests[number % len(requests) :: connections] or requests)
        made = _Connection(own, until, keep_numbers=seconds is None, keep_times=times)
        opened.append(made)
        await loop.create_connection(lambda made=made: made, host, port)  # type: ignore[misc]
    await asyncio.gather(*(connection.ended for connection in opened))
    sent: dict[bytes, int] = {}
    for connection in opened:
        for key, count in connection.sent.items():
            sent[key] = sent.get(key, 0) + count
    return Load(
        answered=sum(connection.answered for connection in opened),
        seconds=time.perf_counter() - began,
        sent=sent,
        numbers=[number for connection in opened for number in connection.numbers],
        latencies=sorted(latency for connection in opened for latency in connection.latencies),
    )
