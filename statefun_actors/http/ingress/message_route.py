"""The route for messages: one to ``/ingress/<namespace>/<name>/<id>``, many to ``/ingress``."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.dispatch import Application
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.many_messages import ManyMessages
from statefun_actors.http.ingress.pending import PendingAnswer, PendingReply
from statefun_actors.http.ingress.request_parsing import PATH, RequestParser, target_of
from statefun_actors.http.ingress.responses import ResponseWriter
from statefun_actors.http.message_headers import headers_reader
from statefun_actors.http.request import Pending, RefusedError, Request, Response, line
from statefun_actors.ingress import Backend, Deadlines, Expiring

_METHODS: Final = ("POST", "PUT")
_BELOW: Final = PATH + "/"
_ONE: Final = _BELOW.encode()
"""The prefix of paths for one message."""


class IngressRoute:
    """Passes messages to *backend*, and responds with its answer.

    202 once a message is durable, 200 with the reply, 204 without one; 400 for an invalid request; 404 for an unknown
    path or function type; 409 for a key that was used for another message; 405 and 415 as in HTTP; 422 for a message
    that does not fit, or that failed for the last time; 429 and 503 if a retry can help; 504 if the time for a reply is
    over.
    """

    def __init__(self, app: Application, backend: Backend, guard: Guard) -> None:
        self._backend, self._guard = backend, guard
        self._parser = RequestParser(app)
        self._headers = headers_reader(app)
        self._writer = ResponseWriter(app.codecs())
        self._many = ManyMessages(backend, self._writer, app.settings.body_limit)
        self._deadlines: Deadlines[Expiring] = Deadlines()

    def at(self, path: str) -> IngressRoute | None:
        """This route, if *path* is one of its paths."""
        return self if path.startswith(_BELOW) or path == PATH else None

    def admit(self, request: Request) -> None:
        self._guard.admit(request)
        if request.method not in _METHODS:
            text = f"send messages by PUT or POST, not {request.method[:20]}"
            raise RefusedError(line(405, text, (b"allow", b"POST, PUT")))

    def address(self, path: bytes) -> Address | None:
        """The address to which a request to *path* sends a message; None if it sends many. Raises RefusedError."""
        return target_of(path) if path.startswith(_ONE) else None

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        pending: PendingAnswer
        headers = None if self._headers is None else self._headers(request)
        try:
            if not request.target.startswith(_ONE):
                return self._many.take(self._parser.lines(request, body, headers))
            message, seconds = self._parser.message(request, body)
        except RefusedError as refused:
            return refused.response
        if headers is not None:
            message = replace(message, headers=headers)
        if seconds:
            pending = PendingReply(self._writer, self._backend, self._deadlines, message, seconds)
        else:
            pending = PendingAnswer(self._writer)
            self._backend.take(message, pending.answer)
        return pending.response or pending
