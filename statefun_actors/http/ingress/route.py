"""The route for messages: one to ``/ingress/<namespace>/<name>/<id>``, many to ``/ingress``."""

from __future__ import annotations

from typing import Final

from statefun_actors.dispatch import Application
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.parsing import PATH, RequestParser
from statefun_actors.http.ingress.pending import PendingAnswer, PendingReply
from statefun_actors.http.ingress.responses import ResponseWriter
from statefun_actors.http.request import Pending, RefusedError, Request, Response, line
from statefun_actors.ingress import Backend, Deadlines, Expiring

_METHODS: Final = ("POST", "PUT")
_ONE: Final = PATH.encode() + b"/"
"""Before the target of one message."""


class IngressRoute:
    """Hands messages to *backend*, and responds with its answer.

    202 once a message is durable, 200 with the reply, 204 if there was none; 400 for a request that makes no sense;
    404 for a path or a function type that does not exist; 409 for a key that was used for another message; 405 and 415
    as HTTP has them; 422 for a message that does not fit, or that failed for the last time; 429 and 503 where a retry
    can help; 504 where no reply came in time.
    """

    def __init__(self, app: Application, backend: Backend, guard: Guard) -> None:
        self._backend, self._guard = backend, guard
        self._parser = RequestParser(app)
        self._writer = ResponseWriter(app.codecs())
        self._deadlines: Deadlines[Expiring] = Deadlines()

    def at(self, path: str) -> IngressRoute | None:
        """This route, if *path* is one of its paths."""
        return self if path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in {"", "/"} else None

    def admit(self, request: Request) -> None:
        self._guard.admit(request)
        if request.method not in _METHODS:
            text = f"send messages by PUT or POST, not {request.method[:20]}"
            raise RefusedError(line(405, text, (b"allow", b"POST, PUT")))

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        pending: PendingAnswer
        try:
            if not request.target.startswith(_ONE):
                messages = self._parser.messages(request, body)
                pending = PendingAnswer(self._writer)
                self._backend.take_all(messages, pending.answer)
                return pending.response or pending
            parsed = self._parser.message(request, body)
        except RefusedError as refused:
            return refused.response
        if parsed.seconds:
            pending = PendingReply(self._writer, self._backend, self._deadlines, parsed.message, parsed.seconds)
        else:
            pending = PendingAnswer(self._writer)
            self._backend.take(parsed.message, pending.answer)
        return pending.response or pending
