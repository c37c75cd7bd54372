"""``tell`` and ``ask`` on an engine in this process: the counterpart of the HTTP clients."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any as Untyped
from typing import Final, assert_never

from statefun_actors.address import Address
from statefun_actors.backoff import Backoff
from statefun_actors.calls import (
    CallOptions,
    KeyReusedError,
    MessageRefusedError,
    NotAdmittedError,
    NotServedError,
    ReplyTimeoutError,
    UnavailableError,
    packed,
    question,
    timeout_seconds,
)
from statefun_actors.dispatch import Application
from statefun_actors.errors import UnhandledMessageError
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    Backend,
    Deadlines,
    GivenUp,
    Handled,
    IngressMessage,
    Interrupted,
    KeyReused,
    NotTaken,
    Replied,
    Taken,
    TooMany,
    Wait,
)
from statefun_actors.model import TypedValue

_BACKOFF: Final = Backoff(0.01, 1.0)


class EngineCalls:
    """Carries out calls by *backend*, which serves *app*. To be used on the event loop of the engine.

    Args:
        timeout: for one call with all its attempts; a timedelta, or seconds.
    """

    def __init__(self, app: Application, backend: Backend, timeout: timedelta | float) -> None:
        self._app, self._backend, self._timeout = app, backend, timeout
        self._deadlines = Deadlines()

    async def tell(self, target: Address, message: object, options: CallOptions) -> None:
        """See :meth:`statefun_actors.Actors.tell`."""
        value = packed(target, message)
        self._check(target, value)
        seconds = timeout_seconds(options, self._timeout)
        answer = await self._taken(IngressMessage(target, value, key=options.get("key")), seconds)
        if answer is None:
            raise UnavailableError(target, f"not durable within {seconds:g} s", 1, seconds, options.get("key"))
        self._refuse(target, answer, options)

    async def ask(self, subject: Untyped, first: Untyped, second: Untyped, options: CallOptions) -> Untyped:
        """See :meth:`statefun_actors.Actors.ask`."""
        asked = question(subject, first, second)
        self._check(asked.target, asked.value)
        seconds = timeout_seconds(options, self._timeout)
        wait = Wait.REPLY if asked.until_reply else Wait.HANDLED
        answer = await self._taken(
            IngressMessage(asked.target, asked.value, wait=wait, key=options.get("key")), seconds
        )
        if answer is None:
            raise ReplyTimeoutError(asked.target, f"no answer within {seconds:g} s")
        if isinstance(answer, Replied):
            return asked.answer(answer.value, self._app.codecs())
        self._refuse(asked.target, answer, options)
        asked.no_reply()
        return None

    def _check(self, target: Address, value: TypedValue) -> None:
        route = self._app.route(target.typename)
        if route is None:
            raise NotServedError(target, f"this engine runs {', '.join(self._app.typenames) or 'nothing'}")
        if not route.takes(value.typename):
            raise UnhandledMessageError(target.typename, route.function.taken, value.typename)
        if (refused := route.refused(value.typename, None)) is not None:
            raise NotAdmittedError(target, str(refused))

    async def _taken(self, message: IngressMessage, seconds: float) -> Answer | None:
        """What became of *message*; None if nothing did within *seconds*. Sends it again where that can help."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        attempts, left = 0, seconds
        while True:
            answer = await _Call(self._deadlines, left).answer(self._backend, message)
            if not isinstance(answer, NotTaken | TooMany):
                return answer
            attempts += 1
            pause = _BACKOFF.spread(attempts, random.random())  # noqa: S311 - it spreads retries
            left = until - loop.time() - pause
            if left <= 0:
                reason = answer.reason if isinstance(answer, NotTaken) else f"{answer.waiting} messages wait already"
                raise UnavailableError(message.target, reason, attempts, seconds - left - pause, message.key)
            await asyncio.sleep(pause)

    @staticmethod
    def _refuse(target: Address, answer: Answer, options: CallOptions) -> None:
        """Raise the error that *answer* stands for, if any."""
        match answer:
            case Taken() | Handled() | Replied():
                return
            case GivenUp(reason):
                raise MessageRefusedError(target, reason)
            case KeyReused(key):
                raise KeyReusedError(target, f"another message was sent under the key {key!r}")
            case Interrupted():
                reason = "the message is stored, and is handled by the next run: this engine has stopped"
            case AnswerLost(reason):
                reason = f"the message is stored and will be handled, but its reply is lost: {reason}"
            case NotTaken() | TooMany():  # pragma: no cover - sent again before
                raise AssertionError(answer)
            case _:
                assert_never(answer)
        raise UnavailableError(target, reason, 1, 0.0, options.get("key"))


class _Call:
    """One attempt that waits for its answer."""

    __slots__ = ("_cancel", "_due", "_future")

    def __init__(self, deadlines: Deadlines, seconds: float) -> None:
        self._future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._due = deadlines.add(self, seconds)
        self._cancel: Callable[[], bool] | None = None

    async def answer(self, backend: Backend, message: IngressMessage) -> Answer | None:
        """The answer; None if it did not come in time. A message that has been taken stays delivered."""
        self._cancel = backend.take(message, self._answered)
        try:
            return await self._future
        except asyncio.CancelledError:
            self._cancel()
            raise
        finally:
            self._due.discard(self)

    def _answered(self, answer: Answer) -> None:
        if not self._future.done():
            self._future.set_result(answer)

    def expire(self) -> None:
        if not self._future.done():
            if self._cancel is not None:
                self._cancel()
            self._future.set_result(None)
