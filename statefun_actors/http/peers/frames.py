"""The protocol between processes of one system, over a Unix socket: four bytes of length, then a body in MessagePack.

A process that forwards requests sends ``Turn``; the other one sends a list of ``Answer``, in any order. The two are of
one version, and exchange the values of :mod:`statefun_actors.http.request`, so that nothing is parsed twice. What
happens in one turn of the event loop is sent together: a system call costs as much as some requests.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeAlias

import msgspec

from statefun_actors.http.request import Response
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe_error

logger: Final = own_logger("statefun_actors.http")

FULL: Final = 64 * 1024
"""Bytes of bodies with which a frame is sent; one that is larger has one request or response."""
_HEAD: Final = 4


class Asked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A request. The ``number`` is unique in its connection; ``block`` has all headers, or is empty."""

    number: int
    method: str
    target: bytes
    block: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Turn(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Requests, and the numbers of earlier ones that are cancelled."""

    asked: list[Asked]
    cancelled: list[int]


Answer: TypeAlias = "tuple[int, Response | None]"
"""The number of a request, and its response; None: its work was cancelled."""

read_turn: Final = msgspec.msgpack.Decoder(Turn)
read_answers: Final = msgspec.msgpack.Decoder(list[tuple[int, Response | None]])
_encode: Final = msgspec.msgpack.Encoder().encode


def frame(content: Turn | list[Answer]) -> bytes:
    """*content* as bytes."""
    body = _encode(content)
    return len(body).to_bytes(_HEAD, "big") + body


class FrameReader:
    """Cuts bytes into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = 0
        """The size of the buffer with which its first frame is whole."""

    def bodies(self, data: bytes) -> list[memoryview]:
        """The bodies of the frames that end in *data*, which follows the data before it."""
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return []
            data = bytes(self._buffer)
        view, found, at = memoryview(data), list[memoryview](), 0
        while True:
            body = at + _HEAD
            end = body + int.from_bytes(view[at:body], "big")
            if len(data) < body or len(data) < end:
                break
            found.append(view[body:end])
            at = end
        self._wanted = max(body, end) - at
        self._buffer = bytearray(view[at:])
        return found


class FrameConnection(asyncio.Protocol):
    """One end of a connection. A frame that can't be read closes it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        """None before the connection is made, and after it is lost."""
        self._reader = FrameReader()

    def read(self, body: memoryview) -> None:
        """Take the *body* of a frame. Raises msgspec.MsgspecError: it is not one."""
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the interface of asyncio
        self.transport = None

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._reader.bodies(data):
                self.read(body)
        except msgspec.MsgspecError as error:
            logger.error("a connection to another partition is closed: %s", describe_error(error))  # noqa: TRY400 - its text says all
            assert self.transport is not None
            self.transport.abort()
