"""The surroundings of dispatch in tests: a clock that only tests move, and batches in sequence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from types import TracebackType

from statefun_actors import Address, DeadLetter, Discard, Settings, TypedValue
from statefun_actors.dispatch import Application, dispatch, in_handler_task
from statefun_actors.model import Batch, Done, Effect, Failed, Invocation, MissingState, Outcome, State
from statefun_actors.types import pack

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CALLER = Address("bank/user", "bea")


class VirtualHost:
    """Time as a test wants it. Waiting between attempts moves it; ``waits`` are the waits that there were."""

    holds_all_state = False
    repeats = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self.tokens = 0
        self.waits: list[float] = []
        self._deadlines: list[VirtualDeadline] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def token(self) -> str:
        self.tokens += 1
        return f"{self.tokens:032x}"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.advance(seconds)

    def timeout(self, seconds: float) -> VirtualDeadline:
        deadline = VirtualDeadline(self.seconds + seconds)
        self._deadlines.append(deadline)
        return deadline

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
        for deadline in self._deadlines:
            if deadline.due <= self.seconds:
                deadline.expire()


class VirtualDeadline:
    """``asyncio.timeout``, but by the host's clock."""

    def __init__(self, due: float) -> None:
        self.due = due
        self._timeout = asyncio.timeout(None)
        self._entered = False

    def expire(self) -> None:
        if self._entered and not self._timeout.expired():
            self._context.run(self._timeout.reschedule, 0)  # its timer belongs to the code that began it

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._context = copy_context()
        self._entered = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._entered = False
        await self._timeout.__aexit__(kind, error, trace)

    def expired(self) -> bool:
        return self._timeout.expired()


class World:
    """One entity of one application: its state, and the outcomes of its batches."""

    def __init__(
        self,
        served: type,
        state: dict[str, object] | None = None,
        *,
        host: VirtualHost | None = None,
        settings: Settings | None = None,
        on_failure: DeadLetter | Discard | None = None,
        id: str = "ada",
    ) -> None:
        if on_failure is not None:
            settings = Settings(on_failure=on_failure)
        self.app = Application(served, settings=settings)
        self.function = next(iter(self.app.served.values())).function
        self.address = Address(self.function.typename, id)
        self.host = host if host is not None else VirtualHost()
        self.state: dict[str, TypedValue | None] = dict.fromkeys((spec.name for spec in self.function.states), None)
        for name, held in (state or {}).items():
            self.state[name] = held if isinstance(held, TypedValue) else pack(held)

    def batch(self, *messages: object, caller: Address | None = CALLER) -> Batch:
        return Batch(self.address, dict(self.state), [Invocation(pack(message), caller) for message in messages])

    async def outcome(self, *messages: object, caller: Address | None = CALLER) -> Outcome:
        """The outcome of the batch of *messages*; the state stays as it was."""
        run = dispatch(self.batch(*messages, caller=caller), self.app, self.host)
        return await (in_handler_task(run) if asyncio._get_running_loop() else run)

    async def done(self, *messages: object, caller: Address | None = CALLER) -> Done:
        """The same for a batch that succeeds, whose changes are kept."""
        outcome = await self.outcome(*messages, caller=caller)
        if isinstance(outcome, Failed):
            raise outcome.error
        assert isinstance(outcome, Done), outcome
        self.state.update(outcome.changes)
        return outcome

    async def failed(self, *messages: object, caller: Address | None = CALLER) -> Failed:
        outcome = await self.outcome(*messages, caller=caller)
        assert isinstance(outcome, Failed), outcome
        return outcome

    async def effects(self, *messages: object, caller: Address | None = CALLER) -> Sequence[Effect]:
        return (await self.done(*messages, caller=caller)).effects

    async def missing(self, state: State, *messages: object) -> MissingState:
        batch = self.batch(*messages)
        outcome = await dispatch(Batch(batch.target, state, batch.invocations), self.app, self.host)
        assert isinstance(outcome, MissingState), outcome
        return outcome


def run_plain(world: World, *messages: object) -> Outcome:
    """The outcome of handlers that wait for nothing, without an event loop."""
    try:
        world.outcome(*messages).send(None)
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome
    raise AssertionError("it waits for something")


def text_of(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
