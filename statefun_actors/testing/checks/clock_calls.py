"""Checks of the callbacks of clocks, by which an engine is woken: a part of ``CLOCK_CHECKS``."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Final

from statefun_actors.definition import persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, to_ms
from statefun_actors.entity import Entity, handles
from statefun_actors.ingress import IngressMessage
from statefun_actors.store import MemoryStore
from statefun_actors.testing.checks.clocks import FAR_MS, STEP_MS, ClockSetup, check
from statefun_actors.testing.checks.running import in_time
from statefun_actors.types import pack, value_of

_TURNS: Final = 20
_LATE_SECONDS: Final = 0.2
"""A call this long after its time is late. A timer of the event loop is called first if both were delayed together."""


async def _turns() -> None:
    """Give other tasks turns of the event loop."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class _Calls:
    """The calls of callbacks, by name, and the threads that made them."""

    def __init__(self) -> None:
        self.names: list[object] = []
        self.threads: set[int] = set()

    def named(self, name: object) -> Callable[[], None]:
        """A callback that notes its call as *name*."""

        def call() -> None:
            self.names.append(name)
            self.threads.add(threading.get_ident())

        return call

    async def until(self, *names: object) -> None:
        """Wait until exactly *names* have been called, in this order."""
        async with in_time(lambda: f"expected calls of {names}, got {tuple(self.names)}"):
            while len(self.names) < len(names):  # noqa: ASYNC110 - calls may come from a thread
                await asyncio.sleep(0.001)
        await self.are(*names)

    async def are(self, *names: object) -> None:
        """Assert that exactly *names* have been called, also after further turns of the event loop."""
        await _turns()
        assert tuple(self.names) == names, f"expected calls of {names}, got {tuple(self.names)}"


@check
async def a_callback_is_called_once_at_its_time_on_the_event_loop(setup: ClockSetup) -> None:
    calls, due_ms = _Calls(), setup.clock.now_ms() + STEP_MS
    setup.clock.call_at(due_ms, calls.named("first"))
    await setup.advance_to(due_ms)
    await calls.until("first")
    await setup.advance_to(due_ms + STEP_MS)
    await calls.are("first")
    assert calls.threads == {threading.get_ident()}, "expected a call on the thread of the event loop"


@check
async def a_callback_is_not_called_late(setup: ClockSetup) -> None:
    tries = 3
    for _ in range(tries):  # a busy machine may delay a call once, but not each time
        calls, due_ms = _Calls(), setup.clock.now_ms() + STEP_MS
        cancel = setup.clock.call_at(due_ms, calls.named("on time"))
        await setup.advance_to(due_ms)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LATE_SECONDS):
                while not calls.names:  # noqa: ASYNC110 - calls may come from a thread
                    await asyncio.sleep(0.001)
        cancel()
        if calls.names:
            return
    raise AssertionError(f"expected a call at its time or earlier, got none {_LATE_SECONDS} s later, {tries} times")


@check
async def a_callback_is_not_called_long_before_its_time(setup: ClockSetup) -> None:
    calls = _Calls()
    cancel = setup.clock.call_at(setup.clock.now_ms() + FAR_MS, calls.named("in an hour"))
    await setup.advance(STEP_MS / 1000)
    await calls.are()
    cancel()


@check
async def callbacks_are_called_in_the_order_of_their_times(setup: ClockSetup) -> None:
    clock, calls = setup.clock, _Calls()
    while True:
        now = clock.now_ms()
        cancels = [clock.call_at(now + number * STEP_MS, calls.named(number)) for number in (3, 1, 2)]
        if clock.now_ms() < now + STEP_MS:  # none is due already, as on a very busy machine
            break
        for cancel in cancels:
            cancel()
    await setup.advance_to(now + 3 * STEP_MS)
    await calls.until(1, 2, 3)


@check
async def a_callback_whose_time_has_passed_is_called_soon(setup: ClockSetup) -> None:
    calls, now = _Calls(), setup.clock.now_ms()
    for due_ms in (now, now - FAR_MS, 0, -1, -(1 << 63)):
        calls.names.clear()
        setup.clock.call_at(due_ms, calls.named(due_ms))
        assert not calls.names, "expected a call after call_at() has returned, got one before"
        await calls.until(due_ms)


@check
async def a_callback_of_any_later_time_can_be_set(setup: ClockSetup) -> None:
    calls = _Calls()
    for due_ms in (1 << 42, 1 << 53, (1 << 63) - 1):
        try:
            cancel = setup.clock.call_at(due_ms, calls.named(due_ms))
        except Exception as error:
            raise AssertionError(f"expected any 64-bit number as due_ms, got {error!r} for {due_ms}") from error
        await calls.are()
        cancel()


def _cancel(*cancels: Callable[[], None]) -> None:
    for cancel in cancels:
        try:
            cancel()
        except Exception as error:
            raise AssertionError(f"expected that a call can be cancelled at any time, got {error!r}") from error


@check
async def a_cancelled_callback_is_not_called(setup: ClockSetup) -> None:
    calls, now = _Calls(), setup.clock.now_ms()
    due_ms = now + STEP_MS
    cancel_late = setup.clock.call_at(due_ms, calls.named("cancelled"))
    cancel_due = setup.clock.call_at(now, calls.named("cancelled when it is due"))
    cancel_other = setup.clock.call_at(due_ms, calls.named("kept"))
    _cancel(cancel_late, cancel_due)
    await setup.advance_to(due_ms)
    await calls.until("kept")
    _cancel(cancel_late, cancel_due, cancel_other)
    await calls.are("kept")


class _Delayed(Entity, typename="check/delayed"):
    """Notes the number of each message, and the time in milliseconds."""

    seen: list[list[int]] = persisted(factory=list)

    @handles(int)
    def note(self, number: int) -> None:
        self.seen.append([number, to_ms(self.now)])


@check
async def an_engine_is_woken_for_delayed_messages(setup: ClockSetup) -> None:
    clock, dues = setup.clock, dict[int, int]()
    engine = Engine(Application(_Delayed), MemoryStore(), clock)
    work = asyncio.create_task(engine.run())
    try:
        for number in (3, 1, 2):
            delay_ms = number * STEP_MS
            dues[number] = clock.now_ms() + delay_ms
            engine.take(IngressMessage(_Delayed.at("a"), pack(number), delay_ms), lambda _: None)
        for due_ms in sorted(dues.values()):
            await _turns()
            await setup.advance_to(due_ms)
        async with in_time(lambda: f"expected {len(dues)} messages, got {len(_seen(engine))}"):
            while len(_seen(engine)) < len(dues):  # noqa: ASYNC110 - plain values have no event
                await asyncio.sleep(0.001)
        for number, handled_ms in _seen(engine):  # by the clock itself, so only one that goes back is early
            due_ms = dues[number]
            assert handled_ms >= due_ms, f"expected a message at {due_ms} ms or later, got it at {handled_ms} ms"
    finally:
        await engine.stop(drain=0)
        await work


def _seen(engine: Engine) -> list[list[int]]:
    value = engine.view.state(_Delayed.at("a"))["seen"]
    return [] if value is None else value_of(value)
