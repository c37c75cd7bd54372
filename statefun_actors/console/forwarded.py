"""The console of a process that another one makes: one process has the sessions, forms and open pages of all."""

from __future__ import annotations

from typing import Final

from statefun_actors.console.changes import LONGEST_SECONDS
from statefun_actors.console.route import is_of_console
from statefun_actors.http import Failures, Guard, Peer, Pending, Request, Response

_FAILURES: Final = Failures(
    "{name}, which makes the pages, can't be reached: {reason}",
    "{name}, which makes the pages, {did}: look whether a change was made before you repeat it",
)

_PATIENCE_SECONDS: Final = LONGEST_SECONDS + 10.0
"""The timeout for a response: an open page waits for changes."""


class ForwardedConsole:
    """Forwards requests for the console to *peer*, once *guard* has checked their ``Host`` and ``Origin``.

    *patience* is the timeout for a response, in seconds.
    """

    def __init__(self, peer: Peer, guard: Guard, patience: float = _PATIENCE_SECONDS) -> None:
        self._peer, self._guard, self._patience = peer, guard.without_token(), patience

    def at(self, path: str) -> ForwardedConsole | None:
        """This route, if *path* is one of its paths."""
        return self if is_of_console(path) else None

    def admit(self, request: Request) -> None:
        self._guard.admit(request)

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        method = "GET" if request.method == "HEAD" else request.method  # a peer sends all of the response
        return self._peer.forward(Request(method, request.target, request.headers), body, self._patience, _FAILURES)
