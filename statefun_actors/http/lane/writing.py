"""A response as the bytes that go over an HTTP/1.1 connection."""

from __future__ import annotations

from collections.abc import Iterable

from statefun_actors.http.exchange import OCTETS, Response

Header = tuple[bytes, bytes]


def written(response: Response, more: Iterable[Header]) -> bytes:
    """The bytes of *response*, with *more* headers after its own."""
    body = response.body
    tail = b"".join([b"%b: %b\r\n" % header for header in more])
    if response.content_type is OCTETS and not response.headers:
        return b"HTTP/1.1 %d \r\ncontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            response.status,
            OCTETS,
            len(body),
            tail,
            body,
        )
    own = b"".join([b"%b: %b\r\n" % header for header in response.all_headers])
    return b"HTTP/1.1 %d \r\n%b%b\r\n%b" % (response.status, own, tail, body)
