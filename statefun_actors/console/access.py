"""Who may see the console: the checks of the ingress, and a session in a cookie where a token is needed.

A session is the time at which it ends, signed with the token of the server: it survives restarts, and ends at once when
the token changes. The cookie is sent with requests of the console's own pages only (``SameSite=Strict``), and no script
can read it.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import Final

from statefun_actors.http import Guard, RefusedError, Request, line

SESSION_SECONDS: Final = 12 * 60 * 60
_COOKIE: Final = b"statefun-actors-console"


class Access:
    """Checks requests to the console.

    Args:
        guard: of the server. Its checks of ``Host`` and ``Origin`` hold for every request.
        token: of the server; None if it needs none.
        cookie_path: under which browsers send the cookie.
    """

    def __init__(self, guard: Guard, token: str | None, *, cookie_path: str = "/console") -> None:
        self._cookie_path = cookie_path.encode()
        self._guard, self._guard_of_place = guard, guard.without_token()
        self._token = None if token is None else token.encode()
        self._secret = secrets.token_bytes(32)
        """Signs forms. Those from before a restart are refused."""

    def check_place(self, request: Request) -> None:
        """Check ``Host`` and ``Origin`` of *request*.

        Raises:
            RefusedError: its host is no name of this server, or a page of another site sends it.
        """
        self._guard_of_place.admit(request)

    def is_open(self, request: Request) -> bool:
        """Whether *request* has the token or a session, or needs none."""
        if self._token is None or _is_current(_cookie(request), self._token):
            return True
        try:
            self._guard.admit(request)
        except RefusedError:
            return False
        return True

    def form_token(self, request: Request) -> str:
        """The CSRF token in forms of the session of *request*. Pages of other sites can't read it."""
        return hmac.new(self._secret, b"form " + _cookie(request), "sha256").hexdigest()

    def check_form(self, request: Request, token: str) -> None:
        """Check the CSRF token *token* of a form.

        Raises:
            RefusedError: it is not that of the session of *request*.
        """
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.form_token(request).encode()):
            text = "this form is not one of this console's, or it is from before a restart: open its page again"
            raise RefusedError(line(403, text))

    def session(self, token: str) -> bytes | None:
        """The Set-Cookie header of a new session; None if *token* is not that of the server."""
        if self._token is None or not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            return None
        ends = b"%d" % (time.time() + SESSION_SECONDS)
        return self._set_cookie(ends + b"." + _signature(ends, self._token), SESSION_SECONDS)

    def closed_session(self) -> bytes:
        """The Set-Cookie header that ends a session."""
        return self._set_cookie(b"", 0)

    def _set_cookie(self, value: bytes, seconds: int) -> bytes:
        parts = (_COOKIE, value, self._cookie_path, seconds)
        return b"%b=%b; Path=%b; Max-Age=%d; HttpOnly; SameSite=Strict" % parts


def _signature(ends: bytes, token: bytes) -> bytes:
    return hmac.new(token, b"session of the console until " + ends, "sha256").hexdigest().encode()


def _is_current(cookie: bytes, token: bytes) -> bool:
    ends, _, signature = cookie.partition(b".")
    if not hmac.compare_digest(signature, _signature(ends, token)):
        return False
    return int(ends) > time.time()


def _cookie(request: Request) -> bytes:
    """The value of the session's cookie, empty without one. HTTP/2 sends a header for each cookie."""
    for name, header in request.headers:
        if name == b"cookie":
            for each in header.split(b";"):
                key, _, value = each.strip().partition(b"=")
                if key == _COOKIE:
                    return value
    return b""
