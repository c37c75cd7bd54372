"""Responses that wait for an answer of the backend."""

from __future__ import annotations

from statefun_actors.http.ingress.responses import ResponseWriter, timeout_response
from statefun_actors.http.request import OnDone, Response
from statefun_actors.ingress import Answer, Backend, Deadlines, Expiring, IngressMessage


class PendingAnswer:
    """The pending response to messages, until the backend answers."""

    __slots__ = ("_callback", "_writer", "response")

    def __init__(self, writer: ResponseWriter) -> None:
        self._writer = writer
        self._callback: OnDone | None = None
        self.response: Response | None = None
        """The response, if the backend answered before :meth:`on_done` was called."""

    def answer(self, answer: Answer) -> None:
        """The backend has answered."""
        self._end(self._writer.response(answer))

    def on_done(self, callback: OnDone) -> None:
        self._callback = callback

    def cancel(self) -> None:
        """Stop waiting for an answer. The messages stay delivered."""
        self._end(None)

    def _end(self, response: Response | None) -> None:
        callback, self._callback = self._callback, _ignore
        if callback is None:
            self.response = response
        else:
            callback(response)


class PendingReply(PendingAnswer):
    """The pending response to a message whose sender waits at most *seconds* for a reply."""

    __slots__ = ("_backend", "_due", "_forget", "_seconds", "_target")

    def __init__(
        self,
        writer: ResponseWriter,
        backend: Backend,
        deadlines: Deadlines[Expiring],
        message: IngressMessage,
        seconds: float,
    ) -> None:
        super().__init__(writer)
        self._backend, self._target, self._seconds = backend, message.target, seconds
        self._due = deadlines.add(self, seconds)
        self._forget = backend.take(message, self.answer)

    def answer(self, answer: Answer) -> None:
        self._due.discard(self)
        self._end(self._writer.response(answer))

    def expire(self) -> None:
        """The time for a reply is over."""
        durable = self._forget()
        if isinstance(durable, bool):
            self._expired(durable=durable)
        else:
            durable.add_done_callback(lambda told: self._expired(durable=told.result()))

    def _expired(self, *, durable: bool) -> None:
        failing = self._backend.failing(self._target)
        self._end(timeout_response(self._seconds, durable=durable, failing=failing))

    def cancel(self) -> None:
        self._due.discard(self)
        self._forget()
        super().cancel()


def _ignore(_: Response | None) -> None:
    """The response has been given already."""
