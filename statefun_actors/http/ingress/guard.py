"""Who may ask at all: browsers on other people's sites may not, nor whoever lacks the token.

A page of another site can make a browser send requests here. It can't hide that: the browser names the page's origin,
or, where the site has its own name lead to this machine, the name is in ``Host``.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from statefun_actors.http.request import RefusedError, Request, line

_MOST_KEPT: Final = 1_000


class Guard:
    """Raises RefusedError for those who may not ask: 401 without the token, 403 for a foreign ``Host`` or ``Origin``.

    Args:
        token: what ``Authorization: Bearer`` has to say; None = nothing.
        local: only the names of this machine, seen from itself, are no foreign hosts.
    """

    def __init__(self, token: str | None = None, *, local: bool = True) -> None:
        self._token = None if token is None else token.encode()
        self._local = local
        self._own: set[bytes] = set()
        """Hosts that are known to be none of others."""
        self._admitted: set[bytes] = set()
        """Blocks of headers that may ask."""

    def admit(self, exchange: Request) -> None:
        if exchange.block in self._admitted:
            return
        self._examine(exchange)
        if exchange.block:
            if len(self._admitted) >= _MOST_KEPT:
                self._admitted.clear()
            self._admitted.add(exchange.block)

    def _examine(self, exchange: Request) -> None:
        host = origin = authorization = b""
        for name, value in exchange.headers:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
            elif name == b"authorization":
                authorization = value
        if self._local and host not in self._own:
            self._check_host(host)
        if origin and not _same(origin, host):
            text = f"a page of {_shown(origin)} can't send requests to {_shown(host)}: it is another origin"
            raise RefusedError(line(403, text))
        if self._token is not None and not hmac.compare_digest(_bearer(authorization), self._token):
            text = "this needs the token that the server was started with; send it as Authorization: Bearer <token>"
            raise RefusedError(line(401, text, (b"www-authenticate", b"Bearer")))

    def _check_host(self, host: bytes) -> None:
        if not is_local(_without_port(host.decode("latin-1"))):
            text = f"{_shown(host)} is no name of this machine; ask for localhost, or bind to an address with --token"
            raise RefusedError(line(403, text))
        if len(self._own) < _MOST_KEPT:
            self._own.add(host)


def _bearer(authorization: bytes) -> bytes:
    """The token in it, empty where there is none. A scheme is the same in any case."""
    scheme, _, token = authorization.partition(b" ")
    return token.strip(b" ") if scheme.lower() == b"bearer" else b""


def is_local(host: str) -> bool:
    """Whether *host* means this machine, seen from itself, whatever a name server says."""
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
