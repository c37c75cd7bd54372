"""The door to the ingress: one letter to ``/ingress/<namespace>/<name>/<id>``, many to ``/ingress``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from statefun_actors.dispatch import Application
from statefun_actors.http.ingress.guard import Guard
from statefun_actors.http.ingress.parsing import PATH, RequestParser
from statefun_actors.http.ingress.pending import PendingReply
from statefun_actors.http.ingress.responses import Answers
from statefun_actors.http.request import RefusedError, Request, Response, line
from statefun_actors.ingress import Backend, Deadlines

Tell = Callable[[Response], None]

_METHODS: Final = ("POST", "PUT")
_ONE: Final = PATH.encode() + b"/"
"""Before the target of one message."""


class IngressRoute:
    """Hands letters to *backend*, and tells the sender what became of them.

    202 once it is durable, 200 with the reply, 204 where there was none; 400 for a request that makes no sense;
    404 for a path or a function type that there isn't; 409 for a key that was used for another message; 405 and 415 as
    HTTP has them; 422 for a message that doesn't fit or failed for good; 429 and 503 where a retry can help; 504 where
    nothing came in time.
    """

    def __init__(self, app: Application, backend: Backend, guard: Guard) -> None:
        self._backend, self._guard = backend, guard
        self._reader = RequestParser(app)
        self._answers = Answers(app.codecs())
        self._deadlines = Deadlines()

    def opens(self, path: str) -> IngressRoute | None:
        """This door, if *path* leads to it."""
        return self if path.startswith(PATH) and path[len(PATH) : len(PATH) + 1] in {"", "/"} else None

    def admit(self, exchange: Request) -> None:
        self._guard.admit(exchange)
        if exchange.method not in _METHODS:
            text = f"send messages by PUT or POST, not {exchange.method[:20]}"
            raise RefusedError(line(405, text, (b"allow", b"POST, PUT")))

    async def answer(self, exchange: Request, body: bytes) -> Response:
        told: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        forget = self.begin(exchange, body, lambda response: None if told.done() else told.set_result(response))
        if told.done():
            return told.result()
        try:
            return await told
        finally:
            if forget is not None:
                forget()

    def begin(self, exchange: Request, body: bytes, tell: Tell) -> Callable[[], None] | None:
        """Have *tell* called once, at once or later; what to call if nobody waits for it any more."""
        try:
            if not exchange.target.startswith(_ONE):
                letters = self._reader.letters(exchange, body)
                self._backend.take_all(letters, lambda answer: tell(self._answers.response(answer)))
                return None
            asked = self._reader.asked(exchange, body)
        except RefusedError as refused:
            tell(refused.response)
            return None
        if not asked.seconds:
            self._backend.take(asked.letter, lambda answer: tell(self._answers.response(answer)))
            return None
        waiting = PendingReply(self._backend, self._answers, self._deadlines, asked.letter, asked.seconds, tell)
        return waiting.forget
