"""A request, its response, and the interface of routes: whichever server read the request from its socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from statefun_actors.text import one_line

JSON: Final = b"application/json"
OCTETS: Final = b"application/octet-stream"
TEXT: Final = b"text/plain; charset=utf-8"


class Response(Struct, frozen=True, gc=False):
    """A response. ``content_type`` is None where it has no body."""

    status: int
    body: bytes = b""
    content_type: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that every server sends, in the order in which they are sent."""
        first = [] if self.content_type is None else [(b"content-type", self.content_type)]
        length = [] if self.status == 204 else [(b"content-length", b"%d" % len(self.body))]
        return [*first, *length, *self.headers]


def line(status: int, text: str, *headers: tuple[bytes, bytes]) -> Response:
    """A response with *text* as one printable line, whatever it holds. Every text body is made here."""
    return lines(status, (text,), *headers)


def lines(status: int, texts: Sequence[str], *headers: tuple[bytes, bytes]) -> Response:
    """A response with a line for each of *texts*, as :func:`line` writes it."""
    return Response(status, b"".join(one_line(text).encode() + b"\n" for text in texts), TEXT, headers)


class Request:
    """A request without its body.

    Args:
        method: as HTTP spells it.
        target: path and query, as they came.
        headers: with names in lower case.
        client: host and port; None on a Unix socket.
        block: the bytes that the headers were read from, empty where these are not known. Clients repeat their
            headers, so what follows from headers alone can be cached by their block.
    """

    __slots__ = ("block", "client", "gone", "headers", "method", "target")

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        client: tuple[str, int] | None = None,
        block: bytes = b"",
    ) -> None:
        self.method, self.target, self.headers, self.client, self.block = method, target, headers, client, block
        self.gone = False
        """Whether its connection was closed, so that a response reaches nobody."""

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
    """A request that gets *response* without being carried out."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


OnDone = Callable[[Response | None], None]


class Pending(Protocol):
    """A response that is not there yet."""

    def on_done(self, callback: OnDone) -> None:
        """Have *callback* called once, after this method has returned: with the response, or with None.

        None means that there is no response: the work was cancelled, and has ended.
        """
        ...

    def cancel(self) -> None:
        """Stop the work, as far as that is possible; the callback is called once it has ended. Safe to call twice."""
        ...


class Route(Protocol):
    """Responds to the requests to some paths."""

    def admit(self, request: Request) -> None:
        """Check a request before its body is read. Raises RefusedError: the body need not be read."""
        ...

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        """The response to *request*. Called on the event loop, without a current task.

        A caller that sets ``request.gone`` cancels what is pending; so does a server that stops.
        """
        ...
