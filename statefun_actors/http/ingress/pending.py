"""Requests that wait for what comes of their letter, each for so long."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.http.ingress.responses import Answers, waited_in_vain
from statefun_actors.http.request import Response
from statefun_actors.ingress import Answer, Backend, Deadlines, IngressMessage


class PendingReply:
    """A request that waits."""

    __slots__ = ("_answers", "_backend", "_due", "_forget", "_over", "_seconds", "_target", "_tell")

    def __init__(
        self,
        backend: Backend,
        answers: Answers,
        deadlines: Deadlines,
        letter: IngressMessage,
        seconds: float,
        tell: Callable[[Response], None],
    ) -> None:
        self._answers, self._seconds, self._tell = answers, seconds, tell
        self._backend, self._target = backend, letter.target
        self._over = False
        self._due = deadlines.add(self, seconds)
        self._forget = backend.take(letter, self._told)

    def _told(self, answer: Answer) -> None:
        if not self._over:
            self._over = True
            self._due.discard(self)
            self._tell(self._answers.response(answer))

    def expire(self) -> None:
        """Nothing came in time."""
        self._over = True
        failing = self._backend.failing(self._target)
        self._tell(waited_in_vain(self._seconds, durable=self._forget(), failing=failing))

    def forget(self) -> None:
        """Nobody is there any more."""
        if not self._over:
            self._over = True
            self._due.discard(self)
            self._forget()
