"""One call on the event loop of its engine, with all its attempts."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import random
import time
from typing import Final, TypeAlias

from statefun_actors.backoff import Backoff
from statefun_actors.calls import UnavailableError
from statefun_actors.ingress import Answer, Backend, Cancel, IngressMessage, NotTaken, ReplyMessage, TooMany

AnyFuture: TypeAlias = "asyncio.Future[Answer | None] | concurrent.futures.Future[Answer | None]"

_BACKOFF: Final = Backoff(0.01, 1.0)
_REFUSED: Final = (NotTaken, TooMany)
_SETTLED: Final = (asyncio.InvalidStateError, concurrent.futures.InvalidStateError)


class OneCall:
    """Sends *message* to *backend* until it is taken; the answer, or None after the timeout, is the result of *future*.

    A message that was taken stays delivered, even if its call times out or is cancelled.
    """

    __slots__ = ("_attempts", "_backend", "_cancel", "_future", "_reason", "_started", "due", "message")

    due: set[OneCall]
    """The calls with the same deadline; it includes this one while it waits."""

    def __init__(self, backend: Backend, message: IngressMessage | ReplyMessage, future: AnyFuture) -> None:
        self._backend, self.message, self._future = backend, message, future
        self._cancel: Cancel | None = None
        self._attempts = 0
        self._reason: str | None = None
        """Why the last attempt was refused; None after one was taken."""
        self._started = 0.0

    def send(self) -> None:
        """The next attempt."""
        self._reason = None
        self._cancel = self._backend.take(self.message, self._answered)

    def _answered(self, answer: Answer) -> None:
        if isinstance(answer, _REFUSED):
            self._send_again(answer)
        else:
            self.due.discard(self)
            self._resolve(answer)

    def _send_again(self, answer: NotTaken | TooMany) -> None:
        if self._future.done():
            return
        if not self._attempts:
            self._started = time.monotonic()
        self._attempts += 1
        self._reason = (
            answer.reason if isinstance(answer, NotTaken) else f"{answer.waiting} messages are queued already"
        )
        pause = _BACKOFF.spread(self._attempts, random.random())  # noqa: S311 - it spreads retries
        asyncio.get_running_loop().call_later(pause, self._next_attempt)

    def _next_attempt(self) -> None:
        if not self._future.done():
            self.send()

    def expire(self) -> None:
        """The timeout has passed."""
        if self._reason is not None:
            seconds = time.monotonic() - self._started
            message = self.message
            self.fail(UnavailableError(message.target, self._reason, self._attempts, seconds, message.key))
        else:
            self.withdraw()
            self._resolve(None)

    def withdraw(self) -> None:
        """Stop waiting for the answer."""
        self.due.discard(self)
        if self._cancel is not None:
            self._cancel()

    def fail(self, error: BaseException) -> None:
        """Make the call raise *error*."""
        self.withdraw()
        with contextlib.suppress(*_SETTLED):
            self._future.set_exception(error)

    def _resolve(self, answer: Answer | None) -> None:
        try:
            self._future.set_result(answer)
        except _SETTLED:
            return  # the caller has stopped waiting, perhaps on another thread
