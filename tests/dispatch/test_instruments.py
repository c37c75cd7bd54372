"""The events of handlers and batches for instruments, and instruments that raise."""

from __future__ import annotations

import asyncio
import logging

import attrs
import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    DefinitionError,
    Discard,
    Entity,
    Instrument,
    MessageDecodeError,
    Settings,
    TerminalError,
    UnhandledMessageError,
    handles,
    persisted,
)
from statefun_actors.dispatch import (
    Application,
    BatchEnded,
    HandlerEnded,
    HandlerStarted,
    HandlerTask,
    Propagating,
    dispatch,
    dispatcher,
    in_handler_task,
    start_handler_task,
)
from statefun_actors.model import Batch, Done, Failed, Headers, Invocation, MissingState, Outcome, Settlement
from statefun_actors.types import pack
from tests.dispatch.world import VirtualHost

ADA = Address("test/meter", "ada")
HOST = VirtualHost()


class Meter(Entity, typename="test/meter"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        HOST.advance(message)
        self.n += message

    @handles(str)
    def refuse(self, message: str) -> None:
        HOST.advance(1)
        raise TerminalError(message)

    @handles(float)
    async def wait(self, message: float) -> None:
        await asyncio.sleep(0)
        HOST.advance(message)

    @handles(bool)
    def flaky(self, message: bool) -> None:
        if HOST.seconds < 100:
            HOST.advance(100)
            raise ValueError("not yet")


@attrs.define
class Seen(Instrument):
    """Keeps the events that it gets."""

    events: list[str] = attrs.Factory(list)
    batches: list[BatchEnded] = attrs.Factory(list)

    def handler_started(self, event: HandlerStarted) -> None:
        self.events.append(f"{event.handler} starts, attempt {event.attempt}")

    def handler_ended(self, event: HandlerEnded) -> None:
        how = "ends" if event.error is None else f"raises {type(event.error).__name__}"
        self.events.append(f"{event.handler} {how} after {event.seconds:g} s, attempt {event.attempt}")

    def batch_ended(self, event: BatchEnded) -> None:
        self.batches.append(event)
        error = "" if event.error is None else f", {type(event.error).__name__}"
        self.events.append(f"a batch of {event.size} ends after {event.seconds:g} s{error}")


@pytest.fixture(autouse=True)
def _from_the_start() -> None:
    HOST.seconds = 0.0


def batch(*messages: object, state: bool = True) -> Batch:
    invocations = [Invocation(pack(message), Address("test/user", "bea")) for message in messages]
    return Batch(ADA, {"n": None} if state else {}, invocations)


async def outcome(seen: Instrument, run: Batch, on_failure: DeadLetter | Discard | None = None) -> Outcome:
    app = Application(Meter, settings=Settings(on_failure=on_failure), instruments=[seen])
    return await in_handler_task(dispatcher(app)(run, app, HOST))


async def test_handlers_and_their_batch_are_reported_in_order_with_their_times() -> None:
    seen = Seen()
    assert isinstance(await outcome(seen, batch(2, 3.0)), Done)
    assert seen.events == [
        "Meter.add starts, attempt 1",
        "Meter.add ends after 2 s, attempt 1",
        "Meter.wait starts, attempt 1",
        "Meter.wait ends after 3 s, attempt 1",
        "a batch of 2 ends after 5 s",
    ]
    [ended] = seen.batches
    assert ended.target == ADA
    assert isinstance(ended.outcome, Done)
    assert ended.outcome.changes == {"n": pack(2)}


async def test_the_error_of_a_handler_is_that_of_its_batch_without_a_policy() -> None:
    seen = Seen()
    failed = await outcome(seen, batch(2, "no"))
    assert isinstance(failed, Failed)
    assert seen.events == [
        "Meter.add starts, attempt 1",
        "Meter.add ends after 2 s, attempt 1",
        "Meter.refuse starts, attempt 1",
        "Meter.refuse raises TerminalError after 1 s, attempt 1",
        "a batch of 2 ends after 3 s, TerminalError",
    ]
    assert seen.batches[0].error is failed.error


@pytest.mark.parametrize("on_failure", [None, Discard()], ids=["no policy", "a policy"])
async def test_a_message_that_no_handler_takes_is_no_failure_of_the_handler_before_it(
    on_failure: Discard | None,
) -> None:
    seen = Seen()
    await outcome(seen, batch(2, b"what"), on_failure)
    assert seen.events[:2] == ["Meter.add starts, attempt 1", "Meter.add ends after 2 s, attempt 1"]
    [ended] = seen.batches
    errors = [ended.error, *(failure.error for failure in ended.failures)]
    assert [type(error) for error in errors if error is not None] == [UnhandledMessageError]


async def test_each_attempt_is_reported() -> None:
    seen = Seen()
    policy = Discard(attempts=2, backoff=0.5)
    assert isinstance(await outcome(seen, batch(1, True, "no", 2), policy), Done)
    assert seen.events == [
        "Meter.add starts, attempt 1",
        "Meter.add ends after 1 s, attempt 1",
        "Meter.flaky starts, attempt 1",
        "Meter.flaky raises ValueError after 100 s, attempt 1",
        "Meter.flaky starts, attempt 2",
        "Meter.flaky ends after 0 s, attempt 2",
        "Meter.refuse starts, attempt 1",
        "Meter.refuse raises TerminalError after 1 s, attempt 1",
        "Meter.add starts, attempt 1",
        "Meter.add ends after 2 s, attempt 1",
        "a batch of 4 ends after 104.5 s",
    ]
    [failure] = seen.batches[0].failures
    assert (failure.index, failure.settlement, failure.attempts) == (2, Settlement.DISCARDED, 1)


async def test_a_message_that_cannot_be_decoded_is_an_error_of_its_handler() -> None:
    seen = Seen()
    damaged = Invocation(pack(1).__class__(pack(1).typename, b"\xff\xff"), None)
    await outcome(seen, Batch(ADA, {"n": None}, [damaged]))
    assert seen.events[1] == "Meter.add raises MessageDecodeError after 0 s, attempt 1"
    assert isinstance(seen.batches[0].error, MessageDecodeError)


async def test_a_batch_that_lacks_states_is_not_reported_for_it_comes_again() -> None:
    seen = Seen()
    assert isinstance(await outcome(seen, batch(1, state=False)), MissingState)
    assert seen.events == []


async def test_a_batch_that_the_engine_stops_ends_with_its_cancellation() -> None:
    seen = Seen()

    class Sleeper(Entity, typename="test/sleeper"):
        @handles(int)
        async def sleep(self, message: int) -> None:
            await asyncio.Event().wait()

    app = Application(Sleeper, instruments=[seen])
    run = Batch(Address("test/sleeper", "x"), {}, [Invocation(pack(1))])
    task = start_handler_task(dispatcher(app)(run, app, HOST))
    assert isinstance(task, HandlerTask)
    task.stop()
    await asyncio.wait([task])
    handler = "Sleeper.sleep"
    assert seen.events == [
        f"{handler} starts, attempt 1",
        f"{handler} raises CancelledError after 0 s, attempt 1",
        "a batch of 1 ends after 0 s, CancelledError",
    ]
    assert seen.batches[0].outcome is None


class Broken(Instrument):
    def __init__(self, error: BaseException) -> None:
        self.error, self.calls = error, 0

    def handler_started(self, event: HandlerStarted) -> None:
        self.calls += 1
        raise self.error

    def batch_ended(self, event: BatchEnded) -> None:
        self.calls += 1


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), asyncio.CancelledError(), GeneratorExit()])
async def test_an_instrument_that_raises_is_logged_once_and_dropped(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    broken, seen = Broken(error), Seen()
    app = Application(Meter, instruments=[broken, seen])
    with caplog.at_level(logging.ERROR):
        for _ in range(2):
            assert isinstance(await in_handler_task(dispatcher(app)(batch(1, 2), app, HOST)), Done)
    assert broken.calls == 1
    assert len(seen.batches) == 2
    [record] = caplog.records
    assert record.getMessage().startswith("the instrument Broken raised, and gets no further events: ")


async def test_messages_get_no_headers_of_an_instrument_that_was_dropped() -> None:
    class Adding(Broken, Propagating):
        def outgoing(self) -> Headers | None:
            return {"added": "1"}

    app = Application(Meter, instruments=[Adding(ValueError("broken"))])
    assert app.instruments.propagation is not None
    assert app.instruments.propagation.outgoing() == {"added": "1"}
    await in_handler_task(dispatcher(app)(batch(1), app, HOST))
    assert app.instruments.propagation.outgoing() is None


async def test_without_a_listener_to_batches_the_bare_dispatch_runs() -> None:
    class Other(Instrument):
        """Listens to nothing."""

    assert dispatcher(Application(Meter)) is dispatch
    assert dispatcher(Application(Meter, instruments=[Other()])) is dispatch
    assert dispatcher(Application(Meter, instruments=[Seen()])) is not dispatch


def test_an_object_that_is_no_instrument_is_refused() -> None:
    class Late(Instrument):
        async def handler_ended(self, event: HandlerEnded) -> None:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride]
            """It would never be awaited."""

    with pytest.raises(DefinitionError) as caught:
        Application(Meter, instruments=[Seen, "seen", Late()])  # type: ignore[list-item] # pyright: ignore[reportArgumentType]
    assert list(caught.value.problems) == [
        "instruments=: expected instances, got a class; write Seen()",
        "instruments=: expected instances of Instrument, got 'seen'",
        "instruments=: expected plain methods, got async def Late.handler_ended",
    ]
