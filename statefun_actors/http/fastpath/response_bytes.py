"""The bytes of a response in HTTP/1.1."""

from __future__ import annotations

from functools import lru_cache

from statefun_actors.http.request import Response


def written(response: Response, more: bytes) -> bytes:
    """The bytes of *response*, with *more* header lines after its own."""
    status, body, content_type = response.status, response.body, response.content_type
    if response.headers:
        more = b"".join([*[b"%b: %b\r\n" % header for header in response.headers], more])
    if content_type is not None:
        return b"HTTP/1.1 %d \r\ncontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
            *(status, content_type, len(body)),
            *(more, body),
        )
    if not body:
        return _bodiless(status) + more + b"\r\n"
    return b"HTTP/1.1 %d \r\ncontent-length: %d\r\n%b\r\n%b" % (status, len(body), more, body)


@lru_cache  # there are few
def _bodiless(status: int) -> bytes:
    """The first lines of a response without a body."""
    return b"HTTP/1.1 204 \r\n" if status == 204 else b"HTTP/1.1 %d \r\ncontent-length: 0\r\n" % status
