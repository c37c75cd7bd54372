"""One request and its answer, whoever read it from the socket; and the doors that answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any as Untyped
from typing import Final, Protocol

from msgspec import Struct

from statefun_actors.text import one_line

JSON: Final = b"application/json"
OCTETS: Final = b"application/octet-stream"
TEXT: Final = b"text/plain; charset=utf-8"


class Response(Struct, frozen=True, gc=False):
    """An answer. ``content_type`` is None where there is no body to speak of."""

    status: int
    body: bytes = b""
    content_type: bytes | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def all_headers(self) -> list[tuple[bytes, bytes]]:
        """Those that every server sends, in the order in which they are sent."""
        first = [] if self.content_type is None else [(b"content-type", self.content_type)]
        length = [] if self.status == 204 else [(b"content-length", b"%d" % len(self.body))]
        return [*first, *length, *self.headers]


def line(status: int, text: str, *headers: tuple[bytes, bytes]) -> Response:
    """One short line of text; whatever *text* holds, it is one line, and printable. Every body of text is made here."""
    return lines(status, (text,), *headers)


def lines(status: int, texts: Sequence[str], *headers: tuple[bytes, bytes]) -> Response:
    """A line for each of *texts*, as :func:`line` writes it."""
    return Response(status, b"".join(one_line(text).encode() + b"\n" for text in texts), TEXT, headers)


class Request:
    """A request but for its body. ``headers`` have names in lower case; ``target`` is as it came, query included.

    ``block`` is what the headers were read from, where that is known, else empty. Clients repeat themselves, so what
    follows from headers alone can be kept by their block.
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
        """Whether its connection was closed: there is nobody to answer any more."""

    def header(self, name: bytes) -> bytes:
        """The first value of the header *name*; empty where there is none."""
        for key, value in self.headers:
            if key == name:
                return value
        return b""

    @property
    def peer(self) -> str:
        return f"{self.client[0]}:{self.client[1]}" if self.client else "a socket"


class RefusedError(Exception):
    """A request that is answered before its body is asked for."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


class GoneError(Exception):
    """There is nobody to answer any more."""


class Route(Protocol):
    """Answers the requests to some paths."""

    def admit(self, exchange: Request) -> None:
        """Raise RefusedError for a request whose body need not be read."""
        ...

    async def answer(self, exchange: Request, body: bytes) -> Response:
        """The answer. Cancelled when the connection closes, with ``exchange.gone`` set, and when the server stops.

        Raises:
            GoneError: ``exchange.gone`` was set meanwhile.
        """
        ...

    def begin(
        self, exchange: Request, body: bytes, tell: Callable[[Response], None]
    ) -> Coroutine[Untyped, Untyped, Response] | Callable[[], None] | None:
        """As :meth:`answer`, for whoever makes no task for a request that needs none: *tell* may be called at once.

        Returns:
            None, or what to call when the connection closes; or what is to be awaited in a task, *tell* being left to
            whoever does that.
        """
        ...
