"""``TestRuntime``: the embedded engine over a memory store, in virtual time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any as Untyped
from typing import Final, Self, TypeVar, Unpack, overload

import attrs

from statefun_actors.address import Address, check_typename
from statefun_actors.assembly import Assembly
from statefun_actors.calls import question, reply_address_of
from statefun_actors.definition import delay_ms
from statefun_actors.dispatch import Application, Instrument
from statefun_actors.engine import Engine, EngineOptions
from statefun_actors.settings import Settings
from statefun_actors.store import Store
from statefun_actors.testing.calling import TestCall, TestCallOptions, TestCalls
from statefun_actors.testing.checks import check_served, checked_address, in_utc
from statefun_actors.testing.clock import TestClock
from statefun_actors.testing.conversations import Ask, Schedule
from statefun_actors.testing.environment import Environment
from statefun_actors.testing.faults import Hostility, LogEntry
from statefun_actors.testing.stored import DeadLetterSeen, PendingTimer, Stored
from statefun_actors.types import pack

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")
_DRAIN_SECONDS: Final = 8.0
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)


class TestRuntime:
    """Entities and functions, all together, in one test.

    ::

        async with TestRuntime(Account, Audit) as runtime:
            reply = await runtime.ask(Account.at("ada"), Deposit(cents=5), Deposited)
            await runtime.clock.advance(timedelta(days=31))

    Args:
        served: Entity classes and StatefulFunctions.
        settings: of the application.
        start: the virtual time at which it starts.
        store: a memory store unless given.
        twice: run every batch twice, as after a crash. What the first run changed and sent is lost, so only what a
            handler does besides happens twice.
        instruments: called with what happens.
        options: what bounds the engine.
        hostile: bring :class:`Faults` that happen on both engines. A number is the seed that decides them; True is the
            seed 0. It needs the memory store. :func:`simulate` tries many seeds.

    Raises:
        DefinitionError: what is served does not fit together.
        ValueMismatchError: *start* is naive, or *hostile* comes with a store.
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
    ) -> None:
        self.app = Application(*served, settings=settings, instruments=instruments)
        options = options if options is not None else EngineOptions()
        options = attrs.evolve(options, twice=twice or options.twice)
        self._environment = environment = Environment(self.app, in_utc(start, "start"), store, options, hostile)
        self._store = environment.store
        self.clock = TestClock(environment.clock, lambda: self.engine, self.settled)
        self._stored = Stored(self.app, self._store)
        self._calls = TestCalls(self.app, lambda: self.engine, self.settled, environment.hostility)
        self._errors: list[BaseException] = []
        self._told: set[str] = set()
        self._assembly: Assembly | None = None

    async def __aenter__(self) -> Self:
        resources = contextlib.ExitStack()
        resources.callback(self._store.close)
        clock, options = self._environment.clock, self._environment.options
        failed = self._errors
        engine = Engine(self.app, self._store, clock, options=options, on_failure=lambda _, error: failed.append(error))
        self._assembly = Assembly(engine, resources=resources)
        await self._assembly.start()
        return self

    @property
    def engine(self) -> Engine:
        """The engine that runs.

        Raises:
            RuntimeError: none does yet.
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
        """Send *message* as an ingress does, and return once everything that followed from it has run.

        Args:
            target: where it goes.
            message: anything that can be sent.
            after: a timedelta, or seconds, after which it arrives.
            caller: the function that sends it; None = it comes from outside.
            timeout: as everywhere else; here it has no effect, since time stands still.
            key: an idempotency key: messages sent under one key are delivered once.

        Raises:
            InternalMessageError: it comes from outside, and its handler is internal. Without a failure policy it is a
                dead letter, too.
            UnhandledMessageError: *target* takes no such message.
            NotServedError: nothing here serves *target*.
            KeyReusedError: another message was sent under *key*.
            ValueMismatchError: *target* or *caller* is no address, or *after* is negative.
            Exception: what a handler raised, where no failure policy takes care of it. The message stays in its
                mailbox and is tried again once time has moved on.
        """
        options = TestCall(caller, timeout, key)
        await self._calls.tell(target, message, options, 0 if after is None else delay_ms(after))

    @overload
    async def ask(
        self, target: Address, message: object, reply: type[_R], /, **options: Unpack[TestCallOptions]
    ) -> _R: ...
    @overload
    async def ask(self, target: Address, message: object, /, **options: Unpack[TestCallOptions]) -> Untyped: ...
    @overload
    async def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Untyped, Untyped, _R]],
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
        target: Untyped,
        message: Untyped,
        reply: Untyped = None,
        /,
        *,
        caller: Address | None = None,
        timeout: timedelta | float | None = None,  # noqa: ASYNC109 - the name that all kinds of Actors share
        key: str | None = None,
    ) -> Untyped:
        """Send *message* and return the reply: ``ask(address, message, Reply)``, ``ask(Account.deposit, "ada",
        message)`` or ``ask(address, message)``, as everywhere else.

        With a *caller* it is a message of that function's, and this returns what is sent there in the meantime, which
        that function does not get. Otherwise it comes from outside. The other options are those of :meth:`tell`.

        Everything that followed has run by then. The reply may come from the target or from whoever it passed
        ``self.caller`` on to, and from what answers an ask; time does not move by itself: for a reply after a delay,
        ``tell``, advance the clock, and look at state.

        Raises:
            NoReplyError: nothing is left to do at this virtual time, and nobody replied. It is an AssertionError, too.
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
        """Answer an open ask, as a person outside does, and return once everything that followed has run.

        Args:
            address: what ``self.reply_address(...)`` returned, or its id, the token.
            message: anything that the method takes that ``then=`` named; not ``NoAnswer``.
            timeout: as everywhere else; here it has no effect, since time stands still.
            key: an idempotency key: a repeat of an answer under one key raises nothing.

        Raises:
            NotOpenError: it has been answered, its time is over, or it never was.
            UnhandledMessageError: its ``then`` does not take such an answer; it stays open.
            ValueMismatchError: *address* is no reply address.
            Exception: as :meth:`tell`.
        """
        await self._calls.answer(reply_address_of(address), pack(message), TestCall(None, timeout, key))

    async def settled(self) -> None:
        """Return once nothing is left to do at this virtual time.

        Raises:
            Exception: the first error of a handler without a failure policy.
            AssertionError: a message went to an Entity class that is not run here.
            KeyboardInterrupt: a handler raised it, or it was Ctrl-C.
        """
        await self._environment.settled(self.engine)
        check_served(self.engine.view.parked, self._told)
        if self._errors:
            errors = self._errors.copy()
            self._errors.clear()
            raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
        if (failure := self._running.failure) is not None:
            raise failure

    def state(self, address: Address) -> Untyped:
        """The entity at *address* as it is now: a detached instance; absent fields read as their defaults.

        For a function: its states by name, as Python values.

        Raises:
            NotServedError: nothing here serves *address*.
            ValueMismatchError: it is no address.
            StateDecodeError: what is stored does not fit a field.
        """
        return self._stored.value(checked_address(address), self.engine.view.state)

    def entities(self, of: type | str, prefix: str = "") -> list[Address]:
        """The addresses of the entities of the class or function type *of* whose ids begin with *prefix*, sorted.

        Raises:
            NotServedError: nothing here serves *of*.
        """
        return self._stored.entities(of, prefix, self._environment.clock.now_ms())

    def egress(self, name: str) -> list[Untyped]:
        """What was sent to the egress *name*: Python values; ``kafka_record`` gives KafkaRecord."""
        check_typename(name, "an egress is <namespace>/<name>")
        return self.egresses.get(name, [])

    @property
    def egresses(self) -> dict[str, list[Untyped]]:
        """Everything that was sent to any egress, by its name."""
        return self._stored.egresses()

    @property
    def log(self) -> list[LogEntry]:
        """What happened so far, oldest first: messages handled, fields changed, egress records, faults."""
        return self._environment.log.entries()

    @property
    def dead_letters(self) -> list[DeadLetterSeen]:
        """Messages that were given up, oldest first."""
        return self._stored.dead_letters()

    @property
    def timers(self) -> list[PendingTimer]:
        """Delayed messages that have not fired yet, the nearest first."""
        return self._stored.timers()

    @property
    def asks(self) -> list[Ask]:
        """Asks and reply addresses whose answer has not come yet, the oldest first."""
        return self._stored.asks()

    @property
    def schedules(self) -> list[Schedule]:
        """Recurring messages, the one that fires next first."""
        return self._stored.schedules()
