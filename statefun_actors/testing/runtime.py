"""``TestRuntime``: the embedded engine over a memory store, in virtual time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any as Untyped
from typing import Self, TypeVar, overload

import attrs

from statefun_actors.definition import delay_ms
from statefun_actors.dispatch import Application
from statefun_actors.embedded import Engine, EngineOptions, ManualClock, MemoryStore, Store, Ticket, Timer, at_ms
from statefun_actors.entity import hydrate
from statefun_actors.errors import InternalMessageError, UnhandledMessageError, UnknownFunctionTypeError
from statefun_actors.model import Address, TypedValue, check_typename
from statefun_actors.settings import Settings
from statefun_actors.testing.checks import check_served, checked_address, in_utc
from statefun_actors.types import codec_for, pack, value_of

_R = TypeVar("_R")
_START = datetime(2026, 1, 1, tzinfo=UTC)


@attrs.frozen
class PendingTimer:
    """A delayed message that has not fired yet."""

    due: datetime
    target: Address
    message: object
    sender: Address | None = None
    cancellation_token: str | None = None


@attrs.frozen
class DeadLetterSeen:
    """A message that was given up, and why."""

    target: Address
    message: object
    error_type: str
    error: str
    attempts: int


class TestClock:
    """Virtual time. It stands still until the test moves it; a handler's backoff moves it too."""

    __test__ = False

    def __init__(self, runtime: TestRuntime, clock: ManualClock) -> None:
        self._runtime, self._clock = runtime, clock

    @property
    def now(self) -> datetime:
        """The current virtual time, aware, in UTC."""
        return at_ms(self._clock.now_ms())

    async def advance(self, delay: timedelta | float) -> None:
        """Move *delay* (a timedelta, or seconds) ahead. What falls due on the way runs at its own time, in order.

        Raises:
            ValueError: a negative delay.
            Exception: what a handler raised, where no failure policy takes care of it.
        """
        step = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
        if step < timedelta(0):
            raise ValueError(f"time moves forward: advance() takes a delay of zero or more, got {delay!r}")
        runtime, clock = self._runtime, self._clock
        target = clock.now_ms() + step // timedelta(milliseconds=1)
        while (due := runtime.engine.next_due()) is not None and due <= target:
            clock.set_ms(max(due, clock.now_ms()))
            await runtime.settled()
        clock.set_ms(max(target, clock.now_ms()))
        await runtime.settled()


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
        twice: give every batch to its handlers twice, as after a crash: what the first time came to is lost, so only
            what a handler does beside its fields and sends happens twice.
        options: what bounds the engine.

    Raises:
        DefinitionError: what is served does not fit together.
    """

    __test__ = False

    def __init__(
        self,
        *served: object,
        settings: Settings | None = None,
        start: datetime = _START,
        store: Store | None = None,
        twice: bool = False,
        options: EngineOptions | None = None,
    ) -> None:
        self.app = Application(*served, settings=settings)
        self._clock = ManualClock(in_utc(start, "start"))
        self.clock = TestClock(self, self._clock)
        self._store = store if store is not None else MemoryStore()
        options = options if options is not None else EngineOptions()
        self._options = attrs.evolve(options, twice=twice or options.twice)
        self._errors: list[BaseException] = []
        self._told: set[str] = set()
        self._known = self.app.codecs()
        self._engine: Engine | None = None

    async def __aenter__(self) -> Self:
        self._engine = Engine(
            self.app,
            self._store,
            self._clock,
            options=self._options,
            on_failure=lambda _, error: self._errors.append(error),
        )
        self._task = asyncio.create_task(self._engine.run())
        self._task.add_done_callback(lambda _: self.engine.release())  # should it end by an error, nobody waits on
        return self

    @property
    def engine(self) -> Engine:
        """The engine that runs.

        Raises:
            RuntimeError: none does yet.
        """
        if self._engine is None:
            raise RuntimeError("it runs inside `async with TestRuntime(...) as runtime:`")
        return self._engine

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.engine.stop()
        await self._task
        self._store.close()
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
    ) -> None:
        """Send *message* as an ingress does, and return once everything that followed from it has run.

        Args:
            target: where it goes.
            message: anything that can be sent.
            after: a timedelta, or seconds, after which it arrives.
            caller: the function that sends it; None = it comes from outside.

        Raises:
            InternalMessageError: it comes from outside, and its handler is internal. Without a failure policy it is a
                dead letter, too.
            UnhandledMessageError: *target* takes no such message.
            UnknownFunctionTypeError: nothing here serves *target*.
            ValueMismatchError: *target* or *caller* is no address, or *after* is negative.
            Exception: what a handler raised, where no failure policy takes care of it. The message stays in its
                mailbox and is tried again once time has moved on.
        """
        value = self._checked(target, message)
        delay = 0 if after is None else delay_ms(after)
        sender = _caller(caller)
        await self.engine.entered(lambda: self.engine.submit(target, value, delay_ms=delay, caller=sender))
        await self.settled()
        if (refused := self._refused(target, value, caller)) is not None:
            raise refused

    @overload
    async def ask(self, target: Address, message: object, reply: type[_R], *, caller: Address | None = None) -> _R: ...
    @overload
    async def ask(self, target: Address, message: object, *, caller: Address | None = None) -> Untyped: ...
    async def ask(
        self, target: Address, message: object, reply: Untyped = None, *, caller: Address | None = None
    ) -> Untyped:
        """Send *message* and return the reply, of the type *reply*.

        With a *caller* it is a message of that function's, and this returns what is sent there in the meantime, which
        that function does not get. Otherwise it comes from outside.

        Everything that followed has run by then. The reply may come from the target or from whoever it passed
        ``self.caller`` on to; time does not move by itself: for a reply after a delay, ``tell`` and look at state.

        Raises:
            AssertionError: nobody replied, or with another type.
            Exception: as :meth:`tell`; also the error of a message that a failure policy gave up.
        """
        value = self._checked(target, message)
        replies: list[TypedValue] = []
        given_up: list[BaseException | None] = []
        ticket = Ticket(on_reply=replies.append, on_handled=given_up.append)
        sender = _caller(caller)
        try:
            await self.engine.entered(lambda: self.engine.submit(target, value, ticket=ticket, caller=sender))
            await self.settled()
        finally:
            self.engine.forget(ticket, caller)
        if not replies:
            if given_up and given_up[0] is not None:
                raise given_up[0]
            raise AssertionError(f"{target} did not reply to {message!r}")
        return self._reply(target, replies[0], reply)

    def _reply(self, target: Address, value: TypedValue, kind: Untyped) -> object:
        if kind is None:
            return value_of(value, self._known)
        codec = codec_for(kind)
        if value.typename != codec.typename and value.typename not in codec.accepts:
            raise AssertionError(
                f"{target} replied {value_of(value, self._known)!r} ({value.typename}), expected {codec.spelling}"
            )
        return codec.decode(value.value, value.typename)

    def _checked(self, target: Address, message: object) -> TypedValue:
        value = pack(message)
        route = self.app.route(checked_address(target).typename)
        if route is None:
            raise UnknownFunctionTypeError(target.typename, self.app.typenames)
        if value.typename not in route.handlers and route.any_handler is None and route.policy is None:
            raise UnhandledMessageError(target.typename, route.function.taken, value.typename)
        return value

    def _refused(self, target: Address, value: TypedValue, caller: Address | None) -> InternalMessageError | None:
        """Why a message is refused, where no failure policy takes care of that."""
        route = self.app.routes[target.typename]
        refused = route.refused(value.typename, caller)
        if refused is None or route.handler(value.typename).policy is not None:
            return None
        return refused

    async def settled(self) -> None:
        """Return once nothing is left to do at this virtual time.

        Raises:
            Exception: the first error of a handler without a failure policy.
            AssertionError: a message went to an Entity class that is not run here.
            KeyboardInterrupt: a handler raised it, or it was Ctrl-C.
        """
        await self.engine.settled()
        check_served(self.engine.parked, self._told)
        if self._errors:
            errors, self._errors = self._errors, []
            raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
        if self._task.done():
            self._task.result()

    def state(self, address: Address) -> Untyped:
        """The entity at *address* as it is now: a detached instance; absent fields read as their defaults.

        For a function: its states by name, as Python values.

        Raises:
            UnknownFunctionTypeError: nothing here serves *address*.
            ValueMismatchError: it is no address.
            StateDecodeError: what is stored does not fit a field.
        """
        route = self.app.route(checked_address(address).typename)
        if route is None:
            raise UnknownFunctionTypeError(address.typename, self.app.typenames)
        state = self.engine.state(address)
        cls = getattr(route.function, "cls", None)
        if cls is not None:
            return hydrate(cls, address, state)
        return {name: value_of(value, self._known) for name, value in state.items() if value is not None}

    def egress(self, name: str) -> list[Untyped]:
        """What was sent to the egress *name* so far: Python values; ``kafka_record`` gives KafkaRecord."""
        check_typename(name, "an egress is <namespace>/<name>")
        return [value_of(record.value, self._known) for record in self._store.egress_after(0, 1 << 31, [name])]

    @property
    def egresses(self) -> dict[str, list[Untyped]]:
        """Everything that was sent to any egress, by its name."""
        found: dict[str, list[Untyped]] = defaultdict(list)
        for record in self._store.egress_after(0, 1 << 31):
            found[record.egress].append(value_of(record.value, self._known))
        return dict(found)

    @property
    def dead_letters(self) -> list[DeadLetterSeen]:
        """Messages that were given up, oldest first."""
        return [
            DeadLetterSeen(
                entry.message.target,
                value_of(entry.message.value, self._known),
                entry.error_type,
                entry.error,
                entry.attempts,
            )
            for entry in self._store.dead_letters()
        ]

    @property
    def timers(self) -> list[PendingTimer]:
        """Delayed messages that have not fired yet, the nearest first."""
        return [self._pending(timer) for timer in self._store.timers_after(-1, 0, 1 << 31)]

    def _pending(self, timer: Timer) -> PendingTimer:
        message = value_of(timer.value, self._known)
        return PendingTimer(at_ms(timer.due_ms), timer.target, message, timer.caller, timer.token)


def _caller(caller: Address | None) -> Address | None:
    return None if caller is None else checked_address(caller)
