"""The calls of a ``TestRuntime``: those of all ``Actors``, but in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import assert_never

import attrs
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.calls import (
    CallOptions,
    KeyReusedError,
    MessageRefusedError,
    NoReplyError,
    NotOpenError,
    NotServedError,
    Question,
    UnavailableError,
    check_key,
    packed,
    timeout_seconds,
)
from statefun_actors.conversations import OpenAsk
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine
from statefun_actors.errors import InternalMessageError, UnhandledMessageError, ValueMismatchError
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    IngressMessage,
    Interrupted,
    KeyReused,
    MessageEncoders,
    NotOpen,
    NotTaken,
    Replied,
    ReplyMessage,
    Taken,
    TooMany,
    Unfit,
    Wait,
    digest,
)
from statefun_actors.model import Headers, TypedValue
from statefun_actors.testing.arguments import checked_address
from statefun_actors.testing.environment import Environment


class TestCallOptions(CallOptions, total=False):
    """The options of ``ask``."""

    caller: Address | None
    """The function that asks; None: the message comes from outside."""


@attrs.frozen
class TestCall:
    """The options of one call."""

    __test__ = False

    caller: Address | None
    timeout: timedelta | float | None
    key: str | None

    def check(self) -> None:
        """Raise ValueMismatchError if an option is invalid, or two exclude each other."""
        timeout_seconds({"timeout": self.timeout}, 1)
        check_key(self.key)
        if self.caller is not None:
            checked_address(self.caller)
            if self.key is not None:
                raise ValueMismatchError("caller= or key=, since a key is that of a message from outside", "both")


class UnansweredError(NoReplyError, AssertionError):
    """Nothing is left to do at this virtual time, and there is no reply."""

    def __str__(self) -> str:
        return (
            f"{self.target} did not reply, and nothing is left to do at this time. Return a reply from its handler, or "
            "from the method that takes the answer to its ask; where time has to pass first: tell(...), then "
            "clock.advance(...); or ask(..., key=...), clock.advance(...), and ask(...) again under that key."
        )


class TestCalls:
    """Makes the calls of a test.

    Args:
        app: the application that runs.
        engine: returns the running engine.
        settled: waits until nothing is left to do at this virtual time, and raises the errors of handlers.
        environment: of the engine.
    """

    __test__ = False

    def __init__(
        self,
        app: Application,
        engine: Callable[[], Engine],
        settled: Callable[[], Awaitable[None]],
        environment: Environment,
    ) -> None:
        self._jump, self._given_up = environment.jump, environment.given_up
        self._app, self._engine, self._settled = app, engine, settled
        self._hostility, self._keys = environment.hostility, itertools.count(1)
        self._encoders = MessageEncoders(app)

    async def tell(self, target: Address, message: object, options: TestCall, delay_ms: int) -> None:
        """See :meth:`TestRuntime.tell`."""
        value = packed(target, message)
        self._check(target, value, options)
        sent = IngressMessage(target, value, delay_ms, key=options.key, caller=options.caller, headers=self._headers())
        _result(await self._answer(sent), target)
        if (refused := self._refused(target, value, options.caller)) is not None:
            raise refused

    async def ask(self, asked: Question, options: TestCall) -> object:
        """See :meth:`TestRuntime.ask`."""
        self._check(asked.target, asked.value, options)
        until_reply = asked.until_reply or options.caller is not None
        wait = Wait.REPLY if until_reply else Wait.HANDLED
        message = IngressMessage(asked.target, asked.value, 0, wait, options.key, options.caller, self._headers())
        answer = await self._answer(message)
        if isinstance(answer, Taken):
            asked.no_reply(told=True)
        value = _result(answer, asked.target)
        if value is not None:
            return asked.answer(value, self._app.codecs())
        # The end of a handler is not reported to a function, so an ask with a caller never gets Handled.
        ended = isinstance(answer, Handled) or options.caller is not None
        if ended and asked.reply is not None and asked.reply.optional:
            return None
        raise UnansweredError(asked.target)

    def _headers(self) -> Headers | None:
        propagation = self._app.instruments.propagation
        return None if propagation is None else propagation.outgoing()

    async def _answer(self, message: IngressMessage | ReplyMessage) -> Answer | None:
        """The answer to *message* after all messages that follow have been handled; None if there is none yet."""
        if self._hostility is None:
            return await self._once(message)
        if isinstance(message, IngressMessage) and message.key is None:
            if message.caller is not None:  # a function's message has no key
                with self._hostility.without_kills():
                    return await self._once(message)
            answer = await self._until_taken(replace(message, key=self._key()))
            if isinstance(answer, GivenUp) and answer.error is None:
                # The row of a key has only the text of the error. Without faults there is no key.
                return GivenUp(answer.reason, self._given_up.find(answer.reason))
            return answer
        return await self._until_taken(message)

    def _key(self) -> str:
        return f"of the test kit {next(self._keys)}"

    async def _until_taken(self, message: IngressMessage | ReplyMessage) -> Answer | None:
        """Send *message*, again under its key until it is taken, as clients do after a fault."""
        while True:
            answer = await self._once(message)
            if isinstance(answer, NotTaken | AnswerLost | Interrupted):
                continue
            if self._hostility is not None and self._hostility.repeated():
                await self._once(message)
            return answer

    async def _once(self, message: IngressMessage | ReplyMessage) -> Answer | None:
        answers: list[Answer] = []
        self._jump()
        cancel = self._engine().take(message, answers.append)
        try:
            await self._settled()
        finally:
            cancel()
        return answers[0] if answers else None

    async def answer(self, target: Address, value: TypedValue, options: TestCall) -> None:
        """See :meth:`TestRuntime.answer`."""
        options.check()

        def encoded(ask: OpenAsk) -> TypedValue:
            self._encoders.answer(ask.asker.typename, ask.then, value.typename)
            return value

        key = options.key if options.key is not None or self._hostility is None else self._key()
        content = None if key is None else digest(value.typename.encode(), value.value)
        _result(await self._answer(ReplyMessage(target.id, encoded, key, content)), target)

    def _check(self, target: Address, value: TypedValue, options: TestCall) -> None:
        options.check()
        served = self._app.served_function(checked_address(target).typename)
        if served is None:
            raise NotServedError(target, self._app.why_not_served(target.typename))
        if not served.takes(value.typename):
            raise UnhandledMessageError(target.typename, served.function.taken, value.typename)

    def _refused(self, target: Address, value: TypedValue, caller: Address | None) -> InternalMessageError | None:
        """The error for a message that is refused without a failure policy; None if it is taken."""
        served = self._app.served_function(target.typename)
        refused = None if served is None else served.refused(value.typename, caller)
        if served is None or refused is None or served.handler(value.typename).policy is not None:
            return None
        return refused


def _result(answer: Answer | None, target: Address) -> TypedValue | None:
    """The reply in *answer*, None without one. Raises the error that it stands for."""
    match answer:
        case None | Taken() | Handled():
            return None
        case Replied(value):
            return value
        case NotOpen():
            raise NotOpenError(target)
        case Unfit(error):
            raise error
        case KeyReused(key):
            raise KeyReusedError(target, f"another message was sent under the key {key!r}")
        case GivenUp(reason, error):
            raise MessageRefusedError(target, reason) if error is None else error
        case NotTaken(reason):
            raise UnavailableError(target, reason, 1, 0.0, None)
        case TooMany(waiting):
            raise UnavailableError(target, f"{waiting} messages are queued already", 1, 0.0, None)
        case AnswerLost() | Interrupted():
            raise UnavailableError(target, "the message is stored, but its answer is lost", 1, 0.0, None)
        case _:
            assert_never(answer)
