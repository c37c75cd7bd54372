"""Checks of a request's head that Hypercorn leaves to applications: the body's length, and the target."""

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
    """*scope* with its target in origin form, without scheme and host (RFC 9112, 3.2.2).

    The host in a full target replaces the ``Host`` header.
    """
    raw = scope.get("raw_path") or b"/"
    if raw.startswith(b"/") or (match := _IN_FULL.match(raw)) is None:
        return scope
    path = raw[match.end() :] or b"/"
    headers = [(b"host", match[1]), *(header for header in scope["headers"] if header[0].lower() != b"host")]
    return {**scope, "raw_path": path, "path": unquote(path.decode("ascii")), "headers": headers}


def is_framed_twice(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether both headers give the end of the body: a proxy may have chosen the other one than h11."""
    return {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}


def announced_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """The Content-Length; 0 without one."""
    length = next((value for name, value in headers if name == b"content-length"), b"")
    return int(length[:20]) if length.isdigit() else 0


class H11(h11.Connection):
    """A server's h11 connection that doesn't request bodies above the limit, and ignores upgrades to h2c."""

    def __init__(self, body_limit: int, max_incomplete_event_size: int) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=max_incomplete_event_size)
        self._body_limit = body_limit

    def next_event(self) -> Untyped:  # as in h11: an event, or one of two sentinels
        event = super().next_event()
        if isinstance(event, h11.Request):
            if announced_length(event.headers) > self._body_limit:
                self.client_is_waiting_for_100_continue = False
            if any(name == b"upgrade" and value.strip().lower() == b"h2c" for name, value in event.headers):
                return _without_upgrade(event)
        return event


def _without_upgrade(request: h11.Request) -> h11.Request:
    """*request* without its Upgrade. A server may ignore that; this one always does over plain text."""
    headers = [header for header in request.headers if header[0] not in {b"upgrade", b"http2-settings"}]
    return h11.Request(method=request.method, headers=headers, target=request.target, http_version=request.http_version)
