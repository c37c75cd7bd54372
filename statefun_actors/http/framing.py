"""What the head of a request says of its body and of its target, where Hypercorn leaves that open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any as Untyped
from typing import Final
from urllib.parse import unquote

import h11
from hypercorn.typing import HTTPScope

_IN_FULL: Final = re.compile(rb"https?://([^/?#]*)", re.IGNORECASE)


def origin_form(scope: HTTPScope) -> HTTPScope:
    """*scope* as it is for a target without scheme and host: one in full is taken apart (RFC 9112, 3.2.2).

    Its host is then that of the request, whatever ``Host`` says.
    """
    raw = scope.get("raw_path") or b"/"
    if raw.startswith(b"/") or (match := _IN_FULL.match(raw)) is None:
        return scope
    path = raw[match.end() :] or b"/"
    headers = [(b"host", match[1]), *(header for header in scope["headers"] if header[0].lower() != b"host")]
    return {**scope, "raw_path": path, "path": unquote(path.decode("ascii")), "headers": headers}


def is_framed_twice(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the end of the body stands there twice. Somebody on the way may have read it otherwise than h11 does."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}


def announced_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """0 where the request does not say."""
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length[:20]) if length.isdigit() else 0


class H11(h11.Connection):
    """h11's side of a server that asks for no body which it will refuse for its length, and that takes no h2c."""

    def __init__(self, body_limit: int, max_incomplete_event_size: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=max_incomplete_event_size)
        self._body_limit = body_limit

    def next_event(self) -> Untyped:  # as h11 has it: an event, or one of two sentinels
        event = super().next_event()
        if isinstance(event, h11.Request):
            if announced_length(event.headers) > self._body_limit:
                self.client_is_waiting_for_100_continue = False
            if any(name == b"upgrade" and value.strip().lower() == b"h2c" for name, value in event.headers):
                return _without_upgrade(event)
        return event


def _without_upgrade(request: h11.Request) -> h11.Request:
    """*request* as one for HTTP/1.1: a server may ignore an Upgrade, and over plain text this one always does."""
    headers = [header for header in request.headers if header[0] not in {b"upgrade", b"http2-settings"}]
    return h11.Request(method=request.method, headers=headers, target=request.target, http_version=request.http_version)
