"""``TestRuntime``: the embedded engine over a memory store, in virtual time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, overload

import attrs

from statefun_actors.address import Address
from statefun_actors.asking import SCHEDULE
from statefun_actors.assembly import Assembly
from statefun_actors.assembly.views import StoreViews
from statefun_actors.calls import question, reply_address_of
from statefun_actors.definition import delay_ms
from statefun_actors.dispatch import Application, Instrument
from statefun_actors.engine import Engine, EngineOptions, at_ms
from statefun_actors.errors import ValueMismatchError
from statefun_actors.settings import Settings
from statefun_actors.store import Store
from statefun_actors.testing.arguments import check_served, in_utc
from statefun_actors.testing.environment import Environment
from statefun_actors.testing.faults import Faults, Hostility
from statefun_actors.testing.recent import LOGS
from statefun_actors.testing.runtime_calls import TestCall, TestCallOptions, TestCalls
from statefun_actors.testing.runtime_view import RuntimeView
from statefun_actors.testing.virtual_time import TestClock
from statefun_actors.types import pack

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")
_DRAIN_SECONDS: Final = 8.0
_MOST_MOVES: Final = 10_000
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class TestRuntime(RuntimeView):
    """Entities and functions, all together, in one test.

    ::

        async with TestRuntime(Account) as runtime:
            balance = await runtime.ask(Account.at("ada"), Deposit(cents=5), int)
            await runtime.clock.advance(timedelta(days=31))

    Args:
        served: Entity classes and StatefulFunctions.
        settings: of the application.
        start: the virtual time at which it starts.
        store: a memory store unless given.
        twice: run every batch twice, as after a crash. Changes and messages of the first run are lost, so only other
            side effects of handlers happen twice.
        instruments: observers of the application.
        options: limits of the engine.
        hostile: inject :class:`Faults` that happen on both engines. A number is the seed that decides them; True is
            the seed 0. It needs the memory store. :func:`simulate` tries many seeds.
        faults: the kinds of faults of *hostile*; all kinds unless given, but for late answers and jumps of the clock,
            which change what a test sees: ``hostile=7, faults=Faults(late=True, jumps=True)``.

    Raises:
        DefinitionError: the classes contradict each other, or an option is invalid.
        ValueMismatchError: *start* is naive, *hostile* comes with a store, or *faults* comes without *hostile*.
    """

    __test__ = False

    def __init__(
        self,
        *served: object,
        settings: Settings | None = None,
        start: datetime = _START,
        store: Store | None = None,
        twice: bool = False,
        instruments: Sequence[Instrument] = (),
        options: EngineOptions | None = None,
        hostile: bool | int | Hostility = False,
        faults: Faults | None = None,
    ) -> None:
        if faults is not None and (hostile is False or isinstance(hostile, Hostility)):
            raise ValueMismatchError("hostile= with a seed, or True, since faults= says which faults it brings", "none")
        self.app = Application(*served, settings=settings, instruments=instruments)
        options = options if options is not None else EngineOptions()
        options = attrs.evolve(options, twice=twice or options.twice)
        environment = Environment(self.app, in_utc(start, "start"), store, options, hostile, faults)
        store = environment.store
        super().__init__(environment, StoreViews(self.app, store, environment.clock))
        self._store = store
        self.clock = TestClock(environment.clock, lambda: self.engine, self.settled)
        """Virtual time: ``clock.now``, and ``await clock.advance(...)``."""
        self._calls = TestCalls(self.app, lambda: self.engine, self.settled, environment)
        self._errors: list[BaseException] = []
        self._reported: set[str] = set()
        self._assembly: Assembly | None = None

    async def __aenter__(self) -> Self:
        resources = contextlib.ExitStack()
        resources.callback(self._store.close)
        clock, options = self._environment.clock, self._environment.options
        failed = self._errors
        engine = Engine(
            self.app,
            self._store,
            clock,
            sinks=self._environment.sinks,
            options=options,
            on_failure=lambda _, error: failed.append(error),
        )
        self._assembly = Assembly(engine, resources=resources)
        await self._assembly.start()
        LOGS.append(self._environment.log)
        return self

    @property
    def engine(self) -> Engine:
        """The engine that runs.

        Raises:
            RuntimeError: no engine runs yet.
        """
        return self._running.engine

    @property
    def _running(self) -> Assembly:
        if self._assembly is None:
            raise RuntimeError("it runs inside `async with TestRuntime(...) as runtime:`")
        return self._assembly

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.closing(self._running) as assembly, self._environment.without_kills():
            failure = await assembly.stop(_DRAIN_SECONDS)
        if failure is not None:
            raise failure
        if error is None:
            for missed in self._errors:
                if not isinstance(missed, Exception):
                    raise missed

    async def tell(
        self,
        target: Address,
        message: object,
        *,
        after: timedelta | float | None = None,
        caller: Address | None = None,
        timeout: timedelta | float | None = None,  # noqa: ASYNC109 - the name that all kinds of Actors share
        key: str | None = None,
    ) -> None:
        """Send *message* as an ingress does, and wait until it and all messages that follow from it have been handled.

        A message that is given up, by a failure policy or after a TerminalError, raises nothing: it is one of
        ``dead_letters``. ``ask`` raises its error.

        Args:
            target: the address of the receiver.
            message: any value that can be sent.
            after: a timedelta, or seconds, after which it arrives.
            caller: the function that sends it; None: it comes from outside.
            timeout: without effect here, since time stands still.
            key: an idempotency key: messages sent under one key are delivered once.

        Raises:
            InternalMessageError: it comes from outside, and its handler is internal. Without a failure policy it is a
                dead letter, too.
            UnhandledMessageError: *target* takes no such message.
            NotServedError: nothing here serves *target*.
            KeyReusedError: another message was sent under *key*.
            ValueMismatchError: *target* or *caller* is not an address, or *after* is negative.
            Exception: a handler without a failure policy raised it. The message stays in its mailbox, and is retried
                after the clock has moved.
        """
        options = TestCall(caller, timeout, key)
        await self._calls.tell(target, message, options, 0 if after is None else delay_ms(after))

    @overload
    async def ask(
        self, target: Address, message: object, reply: type[_R], /, **options: Unpack[TestCallOptions]
    ) -> _R: ...
    @overload
    async def ask(self, target: Address, message: object, /, **options: Unpack[TestCallOptions]) -> Any: ...
    @overload
    async def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Any, Any, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[TestCallOptions],
    ) -> _R: ...
    @overload
    async def ask(
        self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[TestCallOptions]
    ) -> _R: ...
    async def ask(
        self,
        target: Any,
        message: Any,
        reply: Any = None,
        /,
        *,
        caller: Address | None = None,
        timeout: timedelta | float | None = None,  # noqa: ASYNC109 - the name that all kinds of Actors share
        key: str | None = None,
    ) -> Any:
        """Send *message* and return the reply: ``ask(address, message, Reply)``, ``ask(Account.deposit, "ada",
        message)`` or ``ask(address, message)``, as on all ``Actors``.

        With a *caller* it is a message of that function, and the reply is the first message that is sent to that
        function meanwhile; the function itself does not get it. Otherwise it comes from outside. The other options
        are those of :meth:`tell`.

        All messages that follow from it have been handled by then. The reply comes from the handler, or from a method
        that takes the answer to its ask. With a type of the reply, as of a handler that returns one, it may come from
        any sender, such as an entity to which ``self.caller`` was passed. Time does not move by itself: for a reply
        after a delay, ``tell``, advance the clock, and look at state.

        Raises:
            NoReplyError: nothing is left to do at this virtual time, without a reply. It is an AssertionError, too.
            UnexpectedReplyError: the reply has another type.
            Exception: as :meth:`tell`; also the error of a message that a failure policy gave up.
        """
        return await self._calls.ask(question(target, message, reply), TestCall(caller, timeout, key))

    async def answer(
        self,
        address: Address | str,
        message: object,
        *,
        timeout: timedelta | float | None = None,  # noqa: ASYNC109 - the name that all kinds of Actors share
        key: str | None = None,
    ) -> None:
        """Answer an open ask from outside, and wait until all messages that follow have been handled.

        Args:
            address: the result of ``self.reply_address(...)``, or its id, the token.
            message: any type that the method of ``then=`` takes, except ``NoAnswer``.
            timeout: without effect here, since time stands still.
            key: an idempotency key: a repeat of an answer under one key raises nothing.

        Raises:
            NotOpenError: it has been answered, has timed out, or never existed.
            UnhandledMessageError: its ``then`` does not take such an answer; it stays open.
            ValueMismatchError: *address* is not a reply address.
            Exception: as :meth:`tell`.
        """
        await self._calls.answer(reply_address_of(address), pack(message), TestCall(None, timeout, key))

    async def run_until_idle(self, *, fire_timers: bool = False) -> None:
        """Return once nothing is left to do, as ``statefun-actors run --until-idle`` ends.

        Args:
            fire_timers: deliver delayed messages and retry failed ones too, each at its own virtual time, until only
                recurring messages are left.

        Raises:
            AssertionError: time was moved 10,000 times, and delayed messages are still pending; or as :meth:`settled`.
            Exception: as :meth:`settled`.
        """
        await self.settled()
        for _ in range(_MOST_MOVES if fire_timers else 0):
            if not self.engine.view.pending_besides(SCHEDULE):
                return
            due = self.engine.view.next_due()
            assert due is not None  # something is pending
            await self.clock.advance(max(timedelta(0), at_ms(due) - self.clock.now))
        if fire_timers:
            raise AssertionError(
                f"time was moved {_MOST_MOVES:,} times, to {self.clock.now:%Y-%m-%d %H:%M}, and delayed messages are "
                "still pending, so they may renew themselves without end: use clock.advance(...)"
            )

    async def settled(self) -> None:
        """Wait until nothing is left to do at this virtual time.

        Raises:
            Exception: the first error of a handler without a failure policy.
            AssertionError: a message went to an Entity class or an activity that is not run here.
            KeyboardInterrupt: a handler raised it, or it was Ctrl-C.
        """
        await self._environment.settled(self.engine)
        check_served(self.engine.view.parked, self._reported)
        if self._errors:
            errors = self._errors.copy()
            self._errors.clear()
            raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
        if (failure := self._running.failure) is not None:
            raise failure
