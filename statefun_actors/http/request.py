"""Request, response, and the interface of routes, independent of the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol, final

from msgspec import Struct

from statefun_actors.text import one_line

JSON: Final = b"application/json"
OCTETS: Final = b"application/octet-stream"
TEXT: Final = b"text/plain; charset=utf-8"


@final
class Response(Struct, frozen=True, array_like=True, gc=False):
    """A response. ``content_type`` is None without a body."""

    status: int
    body: bytes = b""
    content_type: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers in the order in which they are sent."""
        first = [] if self.content_type is None else [(b"content-type", self.content_type)]
        length = [] if self.status == 204 else [(b"content-length", b"%d" % len(self.body))]
        return [*first, *length, *self.headers]


def line(status: int, text: str, *headers: tuple[bytes, bytes]) -> Response:
    """A response with *text* as one printable line. Every text body is made here."""
    return lines(status, (text,), *headers)


def lines(status: int, texts: Sequence[str], *headers: tuple[bytes, bytes]) -> Response:
    """A response with a line for each of *texts*, as :func:`line` writes it."""
    return Response(status, b"".join(one_line(text).encode() + b"\n" for text in texts), TEXT, headers)


class Request(Struct, eq=False, gc=False):
    """A request without its body.

    Args:
        method: such as ``POST``.
        target: path and query, unchanged.
        headers: with names in lower case.
        client: host and port; None on a Unix socket.
        block: the bytes of the headers; empty if unknown. Clients repeat their headers, so results that depend on
            headers only can be cached by it.
    """

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    client: tuple[str, int] | None = None
    block: bytes = b""
    gone: bool = False
    """Whether the connection was closed, so that a response can't be sent."""

    def header(self, name: bytes) -> bytes:
        """The first value of the header *name*; empty if it is missing."""
        for key, value in self.headers:
            if key == name:
                return value
        return b""

    @property
    def peer(self) -> str:
        return f"{self.client[0]}:{self.client[1]}" if self.client else "a socket"


class RefusedError(Exception):
    """A request is refused with *response*."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


OnDone = Callable[[Response | None], None]


class Pending(Protocol):
    """A response that is not ready yet."""

    def on_done(self, callback: OnDone) -> None:
        """Call *callback* once, after this method has returned, with the response or None.

        None means no response: the work was cancelled, and has ended.
        """
        ...

    def cancel(self) -> None:
        """Cancel the work if possible. The callback is called once the work has ended. Safe to call twice."""
        ...


class Route(Protocol):
    """Responds to requests."""

    def admit(self, request: Request) -> None:
        """Check a request before its body is read. Raises RefusedError: refuse it without reading the body."""
        ...

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        """The response to *request*. Called on the event loop, without a current task.

        A caller that sets ``request.gone`` cancels a pending response; so does a stopping server.
        """
        ...
