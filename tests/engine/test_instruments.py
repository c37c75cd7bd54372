"""The engine's events for instruments: messages taken, epochs committed, late timers, records delivered."""

from __future__ import annotations

import logging
from datetime import timedelta

import attrs
import pytest

from statefun_actors import Address, Discard, Entity, Instrument, handles, persisted
from statefun_actors.dispatch import (
    Application,
    BatchEnded,
    EgressDelivered,
    EgressFailed,
    EpochCommitted,
    MessageTaken,
    TimerFired,
)
from statefun_actors.engine import EgressQueue, Engine, EngineOptions, ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, Listed, running, send, until


class Relay(Entity, typename="test/relay"):
    """Sends its message on: at once, delayed, or to an egress."""

    n: int = persisted(default=0)

    @handles(int)
    def count(self, message: int) -> None:
        self.n += message
        if self.id == "first":
            self.send(Address("test/relay", "second"), message)

    @handles(float)
    def later(self, message: float) -> None:
        self.send_after(timedelta(seconds=message), self.address, 1)

    @handles(str)
    def out(self, message: str) -> None:
        self.send_egress("test/out", message)

    @handles(bytes, on_failure=Discard())
    def fail(self, message: bytes) -> None:
        raise ValueError("no")


FIRST, SECOND = Address("test/relay", "first"), Address("test/relay", "second")
INT = pack(1).typename


@attrs.define
class Seen(Instrument):
    taken: list[MessageTaken] = attrs.Factory(list)
    epochs: list[EpochCommitted] = attrs.Factory(list)
    timers: list[TimerFired] = attrs.Factory(list)
    egress: list[EgressDelivered | EgressFailed] = attrs.Factory(list)

    def message_taken(self, event: MessageTaken) -> None:
        self.taken.append(event)

    def epoch_committed(self, event: EpochCommitted) -> None:
        self.epochs.append(event)

    def timer_fired(self, event: TimerFired) -> None:
        self.timers.append(event)

    def egress_delivered(self, event: EgressDelivered) -> None:
        self.egress.append(event)

    def egress_failed(self, event: EgressFailed) -> None:
        self.egress.append(event)


def observed(seen: Instrument) -> Application:
    return Application(Relay, instruments=[seen])


async def test_a_message_is_taken_from_outside_and_from_an_entity() -> None:
    seen = Seen()
    async with running(app=observed(seen)) as engine:
        send(engine, FIRST, pack(3))
        await engine.idle()
    assert seen.taken == [
        MessageTaken(FIRST, INT, "ingress", None),
        MessageTaken(SECOND, INT, "send", FIRST),
    ]


async def test_a_source_names_its_kind() -> None:
    class Kind(Listed):
        kind = "kafka"

    seen = Seen()
    sources = {"plain": Listed([(SECOND, 1)]), "topic": Kind([(SECOND, 2)])}
    async with running(app=observed(seen), sources=sources) as engine:
        await engine.idle()
    assert [event.source for event in seen.taken] == ["source", "kafka"]


async def test_a_delayed_message_is_taken_when_it_is_due_and_says_how_late_it_is() -> None:
    seen, clock = Seen(), ManualClock()
    async with running(app=observed(seen), clock=clock) as engine:
        send(engine, SECOND, pack(2.0))
        await engine.idle()
        clock.set_ms(clock.now_ms() + 3_500)
        engine.wake()
        await engine.idle()
    assert seen.timers == [TimerFired(SECOND, INT, 1.5)]
    assert seen.taken[1:] == [MessageTaken(SECOND, INT, "timer", SECOND)]


async def test_an_epoch_reports_what_it_wrote_and_how_long_that_took() -> None:
    seen = Seen()
    async with running(app=observed(seen)) as engine:
        for message in (1, "a", b"x"):
            send(engine, SECOND, pack(message))
        await engine.idle()
    [epoch] = [each for each in seen.epochs if each.messages]
    assert (epoch.messages, epoch.entities, epoch.egress, epoch.discarded) == (3, 1, 1, 1)
    assert (epoch.dead_letters, epoch.timers_fired, epoch.waiting) == (0, 0, 0)
    assert epoch.seconds > 0


async def test_epochs_count_each_message_once_also_after_a_lost_commit() -> None:
    seen, store = Seen(), HeldStore()
    async with running(app=observed(seen), store=store) as engine:
        send(engine, SECOND, pack(1))
        await engine.idle()
        store.fail = True
        send(engine, SECOND, pack(1))
        await until(lambda: engine.view.error is not None)
        store.fail = False
        await until(lambda: engine.view.error is None)
        send(engine, SECOND, pack(1))
        await engine.idle()
        assert sum(epoch.messages for epoch in seen.epochs) == engine.view.counters.handled == 2
    assert len(seen.taken) == 3, "a working set that replaces a lost one is observed, too"


class _Stubborn:
    """Fails once, then writes everything."""

    def __init__(self) -> None:
        self.failed = False

    def resume(self, position: str | None) -> str | None:
        return None

    async def run(self, queue: EgressQueue, /) -> None:
        while True:
            records = await queue.take()
            if not self.failed:
                self.failed = True
                raise OSError("the disk is full")
            queue.done(records)


async def test_an_egress_reports_what_was_delivered_and_why_it_failed() -> None:
    seen = Seen()
    async with running(app=observed(seen), sinks={"test/out": _Stubborn()}) as engine:
        send(engine, SECOND, pack("a"))
        await until(lambda: len(seen.egress) == 2)
        await engine.idle()
    assert seen.egress == [
        EgressFailed("test/out", "the disk is full"),
        EgressDelivered("test/out", 1),
    ]


async def test_an_instrument_that_raises_in_the_engine_is_dropped_and_no_message_is_hurt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Seen):
        def message_taken(self, event: MessageTaken) -> None:
            super().message_taken(event)
            raise SystemExit(2)

        def epoch_committed(self, event: EpochCommitted) -> None:
            raise AssertionError("it is dropped by then")

    broken, seen = Broken(), Seen()
    with caplog.at_level(logging.ERROR):
        async with TestRuntime(Relay, instruments=[broken, seen]) as runtime:
            await runtime.tell(FIRST, 1)
            assert runtime.state(Relay.at("second")).n == 1
    assert (len(broken.taken), len(seen.taken)) == (1, 2)
    assert len(caplog.records) == 1


async def test_an_engine_without_such_instruments_keeps_its_own_methods() -> None:
    engine = Engine(Application(Relay), MemoryStore(), ManualClock())
    assert {"post", "deliver"}.isdisjoint(vars(engine._core.working_set))
    engine = Engine(observed(Seen()), MemoryStore(), ManualClock())
    assert {"post", "deliver"} <= vars(engine._core.working_set).keys()


async def test_a_runtime_that_runs_each_batch_twice_reports_both_runs() -> None:
    class Batches(Instrument):
        ended = 0

        def batch_ended(self, event: BatchEnded) -> None:
            self.ended += 1

    batches = Batches()
    async with TestRuntime(Relay, twice=True, instruments=[batches], options=EngineOptions()) as runtime:
        await runtime.tell(SECOND, 1)
    assert batches.ended == 2
