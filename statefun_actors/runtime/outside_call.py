"""One call from another thread or event loop than the engine's. Its timeout holds even if that loop does not run."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from concurrent.futures import Future, InvalidStateError
from typing import Final

from statefun_actors.calls import CallError, ReplyTimeoutError, UnavailableError
from statefun_actors.ingress import Answer, IngressMessage, ReplyMessage, Wait

GRACE: Final = 1.0
"""The seconds that the engine has, after the timeout of a call, to say how the call ended."""


class OutsideCall:
    """A call with *message* to the engine on the event loop *engines*; its answer is the result of ``future``.

    Args:
        seconds: the timeout of the call, which begins now.
    """

    def __init__(
        self, message: IngressMessage | ReplyMessage, seconds: float, engines: asyncio.AbstractEventLoop
    ) -> None:
        self.future: Future[Answer | None] = Future()
        self._message, self._seconds, self._engines = message, seconds, engines
        self._called = time.monotonic()
        self._begun = False
        self._lock = threading.Lock()
        """Held to begin and to give up, since a call that was given up must not begin."""

    def begin(self) -> float | None:
        """Begin the call on the event loop of the engine.

        Returns:
            The seconds that are left of its timeout; None: it has ended already, and the message must not be sent.
        """
        with self._lock:
            if self.future.done():
                return None
            self._begun = True
        return max(0.0, self._called + self._seconds - time.monotonic())

    def result(self) -> Answer | None:
        """Block until the answer is there; None: there is none in time.

        Raises:
            UnavailableError: the message was not taken in time, or the engine has ended.
            ReplyTimeoutError: the event loop of the engine does not respond; the message may have been taken.
        """
        try:
            with contextlib.suppress(TimeoutError):
                return self.future.result(min(self._seconds + GRACE, threading.TIMEOUT_MAX))
            self._give_up()
            return self.future.result()
        except BaseException:
            self.future.cancel()  # a Ctrl-C while it waits; for a call that has ended this does nothing
            raise

    async def answer(self) -> Answer | None:
        """As :meth:`result`, for a coroutine. Raises as that."""
        limit = asyncio.get_running_loop().call_later(self._seconds + GRACE, self._give_up)
        try:
            return await asyncio.wrap_future(self.future)
        finally:
            limit.cancel()

    def _give_up(self) -> None:
        with self._lock, contextlib.suppress(InvalidStateError):  # it has its answer, or was cancelled
            self.future.set_exception(self._error())

    def _error(self) -> CallError:
        target, key = self._message.target, self._message.key
        tells = self._message.wait is Wait.TAKEN
        text = f"{'not durable' if tells else 'no answer'} within {self._seconds:g} s; {self._state_of_loop()}. "
        if not self._begun:  # with a key, an UnavailableError itself says to send it again
            text += "The message was not taken, and will not be" + (": it may be sent again" if key is None else "")
        elif key is None:
            text += "The message may have been taken: a retry without key= can deliver it again"
        elif tells:
            text += "The message may have been taken"
        else:
            text += "The message may have been taken: a retry with the same key= waits for the same reply"
        if self._begun and not tells:
            return ReplyTimeoutError(target, text)
        return UnavailableError(target, text, 1, self._seconds, key)

    def _state_of_loop(self) -> str:
        if self._engines.is_closed():
            return "the event loop of the runtime is closed: start another runtime"
        if self._engines.is_running():
            return "the event loop of the runtime does not respond: a handler may be blocking it"
        return "the event loop of the runtime does not run: run it while calls are made"
