"""The embedded engine, over a memory store, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from statefun_actors import Address, Settings
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.ingress import IngressMessage
from statefun_actors.model import Done, TypedValue
from statefun_actors.store import EntityRecord, MemoryStore
from statefun_actors.types import pack, value_of
from tests.conformance.engine import Can, EngineKind, Pending, Sent, readable, settings_of


class EmbeddedEngine:
    """The engine, and the parts of it that a test reads."""

    protocol = 3
    orders_topics = True

    def __init__(self, app: Application) -> None:
        self._errors: list[BaseException] = []
        self.changes: list[dict[str, object]] = []
        self.asked: list[list[str]] = []  # nobody has to ask: what is not stored is absent
        self._app = app
        self._store = MemoryStore()
        self._clock = ManualClock()
        self._known = app.codecs()

    def begin(self) -> None:
        self._engine = Engine(
            self._app, self._store, self._clock, on_failure=lambda _, error: self._errors.append(error)
        )  # fmt: skip
        merge = self._engine._core.merge  # the engine shows states, not what changed
        merged = merge.done

        def noted(working_set: WorkingSet, mailbox: Mailbox, record: EntityRecord, done: Done, now_ms: int) -> None:
            if mailbox.address.typename not in OWN_FUNCTIONS:
                self.changes.append(readable(done.changes, self._known))
            merged(working_set, mailbox, record, done, now_ms)

        merge.done = noted  # type: ignore[method-assign]
        self._task = asyncio.create_task(self._engine.run())

    async def end(self) -> None:
        await self._engine.stop(drain=0)
        await self._task

    @property
    def failures(self) -> list[str]:
        return [*(type(error).__name__ for error in self._errors), *(e.error_type for e in self._store.dead_letters())]

    @property
    def reasons(self) -> list[str]:
        return [*map(str, self._errors), *(entry.error for entry in self._store.dead_letters())]

    async def tell(self, target: Address, *messages: object, caller: Address | None = None) -> None:
        sent = [IngressMessage(target, pack(message), caller=caller) for message in messages]
        self._engine.take_all(sent, lambda _: None)
        await self._engine.settled()

    async def advance(self, seconds: float) -> None:
        until = self._clock.now_ms() + round(seconds * 1000)
        while (due := self._engine.view.next_due()) is not None and due <= until:
            self._clock.set_ms(max(due, self._clock.now_ms()))
            await self._engine.settled()
        self._clock.set_ms(until)
        await self._engine.settled()

    async def elapse(self, seconds: float) -> None:
        self._clock.set_ms(self._clock.now_ms() + round(seconds * 1000))

    def state(self, target: Address) -> dict[str, object]:
        state = self._engine.view.state(target)
        return {name: value_of(held, self._known) for name, held in state.items() if held is not None}

    def put_state(self, target: Address, name: str, value: object) -> None:
        state = self._engine.view.state(target)
        assert isinstance(state, dict)
        state[name] = value if isinstance(value, TypedValue) else pack(value)

    @property
    def sent(self) -> list[Sent]:
        return [
            Sent(message.target, value_of(message.value, self._known), message.value.typename, message.value.value)
            for message in self._store.messages()
            if message.target.typename not in self._app.served
        ]

    @property
    def pending(self) -> list[Pending]:
        now = self._clock.now_ms()
        return [
            Pending(timer.due_ms - now, timer.target, value_of(timer.value, self._known))
            for timer in self._store.timers_after(-1, 0, 1_000)
            if timer.caller is None or timer.caller.typename not in OWN_FUNCTIONS
        ]

    def egress(self, name: str) -> list[object]:
        return [value_of(record.value, self._known) for record in self._store.egress_after(0, 10_000, [name])]


@asynccontextmanager
async def start(*served: object, settings: Settings | None = None) -> AsyncGenerator[EmbeddedEngine]:
    engine = EmbeddedEngine(Application(*served, settings=settings_of(settings)))
    engine.begin()
    try:
        yield engine
    finally:
        await engine.end()


EMBEDDED = EngineKind(
    "embedded",
    start,
    {
        Can.BATCH_FAILS_WHOLE: "F9: embedded, a failed batch runs again, one message at a time, and those before the "
        "failing one commit",
        Can.DECLARE: "B2: the handshake about states is 3.x's",
        Can.DECLARE_SOME: "B2: the handshake about states is 3.x's",
    },
)
