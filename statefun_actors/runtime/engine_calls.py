"""``tell`` and ``ask`` on an engine in this process: the counterpart of the HTTP clients."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from datetime import timedelta
from typing import Any as Untyped
from typing import TypeAlias, assert_never

from statefun_actors.address import Address
from statefun_actors.calls import (
    CallOptions,
    KeyReusedError,
    MessageRefusedError,
    NotAdmittedError,
    NotOpenError,
    NotServedError,
    Question,
    ReplyTimeoutError,
    TellOptions,
    UnavailableError,
    check_call,
    check_tell,
    checked_timeout,
    delay_of,
    packed,
    question,
    reply_address_of,
    timeout_seconds,
)
from statefun_actors.conversations import OpenAsk
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
from statefun_actors.runtime.one_call import OneCall
from statefun_actors.runtime.outside_call import OutsideCall
from statefun_actors.types import pack

Sent: TypeAlias = tuple[IngressMessage | ReplyMessage, float]
"""A message, and the timeout of its call in seconds."""


class EngineCalls:
    """Makes calls to *backend*, which serves *app* on the event loop *loop*.

    The caller's thread prepares a call and reads its answer; the rest happens on *loop*.

    Args:
        timeout: for one call with all its attempts; a timedelta, or seconds.
        durable: whether the store outlives the engine.
    """

    def __init__(
        self,
        app: Application,
        backend: Backend,
        loop: asyncio.AbstractEventLoop,
        timeout: timedelta | float,
        *,
        durable: bool,
    ) -> None:
        self._app, self._backend, self._loop = app, backend, loop
        self._propagation = app.instruments.propagation
        self._encoders = MessageEncoders(app)
        self._timeout = checked_timeout(timeout)
        self._stopped = (
            "the message is stored, and is handled by the next run: this engine has stopped"
            if durable
            else "this engine has stopped, and its store in memory is gone"
        )
        self._deadlines: Deadlines[OneCall] = Deadlines()
        self._lock = threading.Lock()
        self._outside: dict[Future[Untyped], Callable[[], BaseException]] = {}
        """The futures of other threads and event loops, each with the error that it gets if the engine ends before."""
        self._end: tuple[str, BaseException | None] | None = None
        """The reason why all further calls fail, and its cause."""

    def _headers(self) -> Headers | None:
        """The headers that the calling code gives its messages: a trace goes on in them."""
        return None if self._propagation is None else self._propagation.outgoing()

    # --- a call, step by step

    def telling(self, target: Address, message: object, options: TellOptions) -> Sent:
        """The message of ``tell(target, message, **options)``. Raises the errors of invalid arguments."""
        check_tell(options)
        value = packed(target, message)
        self._check(target, value)
        sent = IngressMessage(target, value, delay_of(options), key=options.get("key"), headers=self._headers())
        return sent, timeout_seconds(options, self._timeout)

    def answering(self, address: Address | str, message: object, options: CallOptions) -> Sent:
        """The message of ``answer(address, message, **options)``; it ends as a ``tell``. Raises as :meth:`telling`."""
        check_call("answer", options)
        target, value, key = reply_address_of(address), pack(message), options.get("key")

        def encoded(ask: OpenAsk) -> TypedValue:
            self._encoders.answer(ask.asker.typename, ask.then, value.typename)
            return value

        content = None if key is None else digest(value.typename.encode(), value.value)
        return ReplyMessage(target.id, encoded, key, content, self._headers()), timeout_seconds(options, self._timeout)

    def raise_error(self, sent: Sent, answer: Answer | None) -> None:
        """Raise the error that *answer*, that of a ``tell``, stands for; return if it was delivered."""
        message, seconds = sent
        if answer is None:
            raise UnavailableError(message.target, f"not durable within {seconds:g} s", 1, seconds, message.key)
        self._refuse(message, answer)

    def asking(self, subject: Untyped, first: Untyped, second: Untyped, options: CallOptions) -> tuple[Question, Sent]:
        """The message of ``ask(subject, first, second, **options)``. Raises the errors of invalid arguments."""
        check_call("ask", options)
        asked = question(subject, first, second)
        self._check(asked.target, asked.value)
        wait = Wait.REPLY if asked.until_reply else Wait.HANDLED
        message = IngressMessage(asked.target, asked.value, wait=wait, key=options.get("key"), headers=self._headers())
        return asked, (message, timeout_seconds(options, self._timeout))

    def reply(self, asked: Question, sent: Sent, answer: Answer | None) -> Untyped:
        """The reply in *answer*, that of an ``ask``. Raises the error that it stands for instead, if any."""
        if isinstance(answer, Replied):
            return asked.answer(answer.value, self._app.codecs())
        message, seconds = sent
        if answer is None:
            raise ReplyTimeoutError(message.target, f"no answer within {seconds:g} s")
        self._refuse(message, answer)
        asked.no_reply(told=isinstance(answer, Taken))
        return None

    async def answer(self, sent: Sent) -> Answer | None:
        """The answer to a message, on any event loop; None if there is none in time.

        Raises:
            UnavailableError: the message was not taken in time, or the engine has ended.
            ReplyTimeoutError: this is not the event loop of the engine, and that one does not respond.
        """
        if asyncio.get_running_loop() is not self._loop:
            return await self._outside_call(sent).answer()
        if self._end is not None:
            raise self._ended(sent[0])
        future: asyncio.Future[Answer | None] = self._loop.create_future()
        call = self._start(sent, future)
        try:
            return await future
        except asyncio.CancelledError:
            call.withdraw()
            raise

    def blocking_answer(self, sent: Sent) -> Answer | None:
        """As :meth:`answer`, for a thread that waits. Raises as that."""
        return self._outside_call(sent).result()

    def _outside_call(self, sent: Sent) -> OutsideCall:
        message, seconds = sent
        call = OutsideCall(message, seconds, self._loop)

        def begin() -> None:
            if (left := call.begin()) is not None:
                self._start((message, left), call.future)

        self.run_on_loop(begin, call.future, lambda: self._ended(message))
        return call

    def run_on_loop(
        self, work: Callable[[], object], future: Future[Untyped], ended: Callable[[], BaseException]
    ) -> None:
        """Call *work* on the event loop of the engine. It sets the result of *future*.

        If the engine ends before that, the future gets the error that *ended* returns.

        Raises:
            BaseException: the engine has ended already; the error is that of *ended*.
        """
        with self._lock:
            if self._end is not None:
                raise ended()
            self._loop.call_soon_threadsafe(work)
            self._outside[future] = ended
        future.add_done_callback(self._outside.pop)

    def _start(self, sent: Sent, future: asyncio.Future[Answer | None] | Future[Answer | None]) -> OneCall:
        message, seconds = sent
        call = OneCall(self._backend, message, future)
        call.due = self._deadlines.add(call, seconds)
        call.send()
        return call

    # --- the end of calls

    def end(self, error: BaseException | None = None) -> None:
        """Fail all waiting and further calls: the engine has stopped, or *error* ended it."""
        with self._lock:
            self._end = (self._stopped, None) if error is None else (f"the engine has ended: {error}", error)
            outside = dict(self._outside)
        for call in self._deadlines.waiting():
            call.fail(self._ended(call.message))
        for future, ended in outside.items():
            with contextlib.suppress(InvalidStateError):  # it has its result already, or its caller has gone
                future.set_exception(ended())

    def interrupt(self, address: Address, error: KeyboardInterrupt) -> bool:
        """Raise *error*, which left a handler of *address*, from the waiting calls; return whether there are any.

        These are the calls to *address*; without any, all calls, since one may have reached it through other entities.
        """
        waiting = [call for call in self._deadlines.waiting() if call.message.wait is not Wait.TAKEN]
        for call in [call for call in waiting if call.message.target == address] or waiting:
            call.fail(error)
        return bool(waiting)

    def _ended(self, message: IngressMessage | ReplyMessage) -> UnavailableError:
        assert self._end is not None
        reason, cause = self._end
        error = UnavailableError(message.target, reason, 1, 0.0, message.key)
        error.__cause__ = cause
        return error

    # --- errors of refused calls

    def _check(self, target: Address, value: TypedValue) -> None:
        served = self._app.served_function(target.typename)
        if served is None:
            raise NotServedError(target, self._app.why_not_served(target.typename))
        if not served.takes(value.typename):
            raise UnhandledMessageError(target.typename, served.function.taken, value.typename)
        if (refused := served.refused(value.typename, None)) is not None:
            raise NotAdmittedError(target, str(refused))

    def _refuse(self, message: IngressMessage | ReplyMessage, answer: Answer) -> None:
        if isinstance(answer, Taken | Handled | Replied):
            return
        raise self._error(message, answer)

    def _error(
        self,
        message: IngressMessage | ReplyMessage,
        answer: GivenUp | KeyReused | Interrupted | AnswerLost | NotOpen | Unfit | NotTaken | TooMany,
    ) -> Exception:
        """The error that *answer* stands for."""
        target = message.target
        match answer:
            case GivenUp(reason):
                return MessageRefusedError(target, reason)
            case KeyReused(key):
                return KeyReusedError(target, f"another message was sent under the key {key!r}")
            case NotOpen():
                return NotOpenError(target)
            case Unfit(error):
                return error
            case Interrupted():
                reason = self._stopped
            case AnswerLost(reason):
                reason = f"the message is stored and will be handled, but its reply is lost: {reason}"
            case NotTaken() | TooMany():  # pragma: no cover - OneCall sends it again
                raise AssertionError(answer)
            case _:
                assert_never(answer)
        return UnavailableError(target, reason, 1, 0.0, message.key)
