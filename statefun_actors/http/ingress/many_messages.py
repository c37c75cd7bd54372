"""Requests with many messages: a large body is parsed in slices, between which the event loop does other work."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from statefun_actors.errors import InternalMessageError
from statefun_actors.http.failure_log import failed
from statefun_actors.http.ingress.bodies import refused
from statefun_actors.http.ingress.pending import PendingAnswer
from statefun_actors.http.ingress.responses import ResponseWriter
from statefun_actors.http.request import RefusedError, Response
from statefun_actors.http.router import BODIES_READ, TOO_MANY_BODIES
from statefun_actors.ingress import Backend, BadLine, IngressMessage, Lines

SLICE: Final = 16 * 1024
"""The size of a slice, in bytes: a few milliseconds of parsing, whatever the lines are."""


class LinesBody:
    """The *body* of a request, one message in each line. Each message gets *headers*."""

    def __init__(self, lines: Lines, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self._parse_line, self._body, self._headers = lines.message, body, headers
        self._start = self._number = 0
        self.size = len(body)
        self.messages: list[IngressMessage] = []
        """The messages of the lines parsed so far."""

    def parse(self, size: int) -> bool:
        """Parse the lines that begin in the next *size* bytes; returns whether there are more.

        Raises:
            RefusedError: a line is not a message.
        """
        start, messages, parse, headers = self._start, self.messages, self._parse_line, self._headers
        newline = self._body.find(b"\n", start + size)
        part = self._body[start:] if newline < 0 else self._body[start:newline]
        for text_line in part.split(b"\n"):
            self._number += 1
            try:
                message = parse(text_line)
            except BadLine as error:
                status = 403 if isinstance(error.__cause__, InternalMessageError) else 422
                text = f"line {self._number}: {str(error).removesuffix('.')}. No message of this request was taken"
                raise refused(status, text) from None
            if message is not None:
                messages.append(message if headers is None else replace(message, headers=headers))
        self._start = newline + 1
        return newline >= 0


class ManyMessages:
    """Passes the messages of bodies to *backend*, all of a body or none.

    503 if the bodies that are being parsed exceed ``BODIES_READ`` times *body_limit* bytes.
    """

    def __init__(self, backend: Backend, writer: ResponseWriter, body_limit: int) -> None:
        self._backend, self._writer, self._most = backend, writer, BODIES_READ * body_limit
        self._parsed: deque[_PendingBody] = deque()
        """The large bodies that are being parsed. Each turn of the event loop parses one slice of one of them."""
        self._size = 0

    def take(self, body: LinesBody) -> Response | PendingAnswer:
        """Take the messages of *body*.

        Raises:
            RefusedError: a line of a small body is not a message; or other bodies are being parsed.
        """
        if body.size <= SLICE:
            body.parse(SLICE)
            pending = PendingAnswer(self._writer)
            self._backend.take_all(body.messages, pending.answer)
            return pending.response or pending
        if self._size + body.size > self._most:
            raise RefusedError(TOO_MANY_BODIES)
        self._size += body.size
        large = _PendingBody(self._writer, self._backend, body)
        self._parsed.append(large)
        if len(self._parsed) == 1:
            asyncio.get_running_loop().call_soon(self._parse)
        return large

    def _parse(self) -> None:
        large = self._parsed.popleft()
        if large.parse():
            self._parsed.append(large)
        else:
            self._size -= large.size
        if self._parsed:
            asyncio.get_running_loop().call_soon(self._parse)


class _PendingBody(PendingAnswer):
    """The pending response to a body that is parsed in slices."""

    __slots__ = ("_backend", "_body", "size")

    def __init__(self, writer: ResponseWriter, backend: Backend, body: LinesBody) -> None:
        super().__init__(writer)
        self._backend, self.size = backend, body.size
        self._body: LinesBody | None = body

    def parse(self) -> bool:
        """Parse a slice, and pass all messages to the backend after the last one; returns whether there are more."""
        body = self._body
        if body is None:  # cancelled
            return False
        try:
            if body.parse(SLICE):
                return True
            self._body = None
            self._backend.take_all(body.messages, self.answer)
        except RefusedError as refusal:
            self._end(refusal.response)
        except Exception as error:  # a bug of this library
            self._end(failed(error))
        return False

    def cancel(self) -> None:
        """Stop waiting. If the backend has no message yet, it gets none."""
        self._body = None
        super().cancel()
