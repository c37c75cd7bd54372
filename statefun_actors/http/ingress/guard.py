"""Access control: refuses requests of other sites' pages, and requests without the token.

A page of another site can make a browser send requests to this server. They are recognizable: the browser sends the
page's ``Origin``, or, if the site's own name resolves to this machine, ``Host`` is that name.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from statefun_actors.http.request import RefusedError, Request, line

_MOST_KEPT: Final = 1_000


class Guard:
    """Checks requests: 401 without the token, 403 for a foreign ``Host`` or ``Origin``.

    Args:
        token: clients must send it as ``Authorization: Bearer``; None = no token is required.
        local: whether ``Host`` must be a local name, such as localhost.
    """

    def __init__(self, token: str | None = None, *, local: bool = True) -> None:
        self._token = None if token is None else token.encode()
        self._local = local
        self._own: set[bytes] = set()
        """Accepted values of ``Host``."""
        self._admitted: set[bytes] = set()
        """Accepted blocks of headers."""

    def without_token(self) -> Guard:
        """The same checks of ``Host`` and ``Origin``, for paths that contain a permission."""
        return Guard(local=self._local)

    def admit(self, request: Request) -> None:
        """Raises RefusedError: the request is not allowed."""
        if request.block in self._admitted:
            return
        self._examine(request)
        if request.block:
            if len(self._admitted) >= _MOST_KEPT:
                self._admitted.clear()
            self._admitted.add(request.block)

    def _examine(self, request: Request) -> None:
        host = origin = authorization = b""
        for name, value in request.headers:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"authorization":
                authorization = value
        if self._local and host not in self._own:
            self._check_host(host)
        if origin and not _same(origin, host):
            text = f"a page of {_shown(origin)} can't send requests to {_shown(host)}: the origins differ"
            raise RefusedError(line(403, text))
        if self._token is not None and not hmac.compare_digest(_bearer(authorization), self._token):
            text = "expected the server's token: send Authorization: Bearer <token>"
            raise RefusedError(line(401, text, (b"www-authenticate", b"Bearer")))

    def _check_host(self, host: bytes) -> None:
        if not is_local(_without_port(host.decode("latin-1"))):
            text = f"{_shown(host)} is not a name of this machine; use localhost, or bind to an address with --token"
            raise RefusedError(line(403, text))
        if len(self._own) < _MOST_KEPT:
            self._own.add(host)


def _bearer(authorization: bytes) -> bytes:
    """The token in an Authorization header, or empty. Schemes are case-insensitive."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip(b" ") if scheme.lower() == b"bearer" else b""


def is_local(host: str) -> bool:
    """Whether *host* is a name of this machine without a lookup at a name server."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() else host


def _same(origin: bytes, host: bytes) -> bool:
    scheme, separator, origin_host = origin.lower().partition(b"://")
    return bool(separator) and scheme in {b"http", b"https"} and origin_host == host.lower()


def _shown(value: bytes) -> str:
    return repr(value.decode("latin-1")[:100]) if value else "no host"
