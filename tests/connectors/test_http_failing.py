"""When an HTTP endpoint counts as failing: what its users see of it, and who still waits for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from statefun_actors.connectors.http import HttpSink, HttpSinkOptions
from statefun_actors.engine import EgressQueue
from statefun_actors.engine.egress_window import WINDOW, WINDOW_BYTES
from statefun_actors.types import pack
from tests.connectors.receiver import Post, Receiver, answer
from tests.connectors.test_http import OUT, Teller, numbers, send
from tests.engine.engines import failing_egress, running, until
from tests.engine.engines import send as send_to


class Time:
    """A clock that only waits between attempts move. The wait number *ends*, if any, does not end."""

    def __init__(self, ends: int) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self._ends = ends
        self.ended = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) == self._ends:
            self.ended.set()
            await asyncio.Event().wait()
        self.now += seconds
        await asyncio.sleep(0)

    def monotonic(self) -> float:
        return self.now

    def sink(self, receiver: Receiver) -> HttpSink:
        return HttpSink(receiver.url, sleep=self.sleep, monotonic=self.monotonic)


@pytest.mark.parametrize("status", [503, 500])
async def test_an_endpoint_that_asks_for_a_long_pause_is_failing_at_once_and_says_until_when(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def later(post: Post) -> bytes:
        return answer(status, retry_after="3600")

    time, begun = Time(ends=1), datetime.now(UTC)
    async with Receiver(later) as receiver, running(Teller, sinks={OUT: time.sink(receiver)}) as engine:
        send(engine, "a", 1)
        await engine.idle()  # nobody waits for an hour
        [reason] = failing_egress(engine).values()
        [notice] = engine.notices()

    name = {503: "503 Service Unavailable", 500: "500 Internal Server Error"}[status]
    start, end = f"{name}; the next attempt is at ", ", as its Retry-After says"
    assert reason.startswith(start)
    assert reason.endswith(end)
    due = datetime.fromisoformat(reason.removeprefix(start).removesuffix(end))
    assert timedelta(minutes=59) < due - begun < timedelta(minutes=61)
    assert caplog.messages == [f"egress {OUT} can't be written, its records are kept: {reason}"]
    assert notice.endswith(f": {reason}")


async def test_an_endpoint_that_comes_back_within_a_minute_is_shown_as_failing_and_waited_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown: list[dict[str, str]] = []

    async def once(post: Post) -> bytes:
        shown.append(failing_egress(engine))
        return answer(429, retry_after="20") if len(receiver.posts) == 1 else answer(200)

    time = Time(ends=0)
    async with Receiver(once) as receiver, running(Teller, sinks={OUT: time.sink(receiver)}) as engine:
        send(engine, "a", 1, 2)
        await engine.idle()

        assert numbers(receiver.accepted) == [1, 2]
        assert failing_egress(engine) == {}
    assert time.waits == [20]
    assert [list(each) for each in shown] == [[], [OUT], []]
    assert len(caplog.messages) == 2  # it is failing, and it is written again


@pytest.mark.parametrize(
    ("response", "waits"),
    [
        pytest.param(answer(503, retry_after="4"), [4, 4, 4], id="a pause of its own"),
        pytest.param(answer(500, retry_after="4"), [4, 4, 4], id="of this record"),
        pytest.param(answer(503), [0.2, 0.4, 0.8, 1.6, 3.2, 6.4], id="no connection to what is behind it"),
    ],
)
async def test_an_endpoint_is_failing_some_seconds_after_its_first_failure(response: bytes, waits: list[float]) -> None:
    async def fail(post: Post) -> bytes:
        shown.append(failing_egress(engine))
        return response

    time, shown = Time(ends=len(waits)), list[dict[str, str]]()
    async with Receiver(fail) as receiver, running(Teller, sinks={OUT: time.sink(receiver)}) as engine:
        send(engine, "a", 1)
        await time.ended.wait()
        await until(lambda: engine.view.failing_egress)
        await engine.idle()

    assert time.waits == waits
    assert not any(shown)


async def test_records_of_other_keys_go_on_however_many_wait_for_a_key_that_is_stuck() -> None:
    chokes = True

    async def choke(post: Post) -> bytes:
        return answer(500) if chokes and post.json["key"] == "a" else answer(200)

    time, count = Time(ends=0), WINDOW + 200
    async with Receiver(choke) as receiver, running(Teller, sinks={OUT: time.sink(receiver)}) as engine:
        send(engine, "a", *range(count))
        await until(lambda: engine.view.egress_kept == count)
        send(engine, "b", *range(5))
        await until(lambda: numbers(receiver.accepted) == [*range(5)])
        send(engine, "a", count)
        send(engine, "c", 7)
        await until(lambda: len(receiver.accepted) == 6 and engine.view.egress_kept == count + 1)

        chokes = False
        await until(lambda: not engine.view.egress_kept)
        assert numbers(receiver.accepted) == [*range(5), 7, *range(count + 1)]


async def test_a_long_pause_ends_when_another_attempt_shows_that_the_endpoint_works() -> None:
    """One of several servers behind a name asks for an hour, while another one accepts what was under way."""
    time = Time(ends=1)

    async def one_is_down(post: Post) -> bytes:
        if numbers([post]) == [2]:
            await time.ended.wait()  # the other record waits for its hour
            return answer(200)
        await until(lambda: numbers(receiver.posts).count(2))
        return answer(503, retry_after="3600") if numbers(receiver.posts).count(1) == 1 else answer(200)

    async with Receiver(one_is_down) as receiver, running(Teller, sinks={OUT: time.sink(receiver)}) as engine:
        send(engine, "a", 1)
        send(engine, "b", 2)
        await until(lambda: len(receiver.accepted) == 2)
        await engine.idle()

        assert sorted(numbers(receiver.accepted)) == [1, 2]
        assert failing_egress(engine) == {}
    assert time.waits == [3600]


class Interrupted(HttpSink):
    """Fails once, when *interrupt* is set."""

    interrupt: asyncio.Event

    async def run(self, queue: EgressQueue) -> None:
        if self.interrupt.is_set():
            await super().run(queue)
        working = asyncio.create_task(super().run(queue))
        await self.interrupt.wait()
        working.cancel()
        await asyncio.wait([working])
        raise OSError("interrupted")


async def test_what_waits_for_a_stuck_key_is_sent_in_its_order_after_the_sink_has_failed() -> None:
    chokes = True

    async def choke(post: Post) -> bytes:
        return answer(500) if chokes and post.json["key"] == "a" else answer(200)

    time, count = Time(ends=0), WINDOW + 200
    async with Receiver(choke) as receiver:
        sink = Interrupted(receiver.url, sleep=time.sleep, monotonic=time.monotonic)
        sink.interrupt = asyncio.Event()
        async with running(Teller, sinks={OUT: sink}) as engine:
            send(engine, "a", *range(count))
            await until(lambda: engine.view.egress_kept == count)
            send(engine, "b", 1)
            await until(lambda: numbers(receiver.accepted) == [1])
            send(engine, "a", count)
            await until(lambda: engine.view.egress_kept == count + 1)

            chokes = False
            sink.interrupt.set()
            await until(lambda: not engine.view.egress_kept)
            assert list(dict.fromkeys(numbers(receiver.accepted, "a"))) == [*range(count + 1)]


async def test_a_key_that_is_stuck_is_reported_while_records_of_others_are_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chokes = True

    async def choke(post: Post) -> bytes:
        if post.json["key"] == "a":
            return answer(500) if chokes else answer(200)
        if numbers([post]) == [0]:
            await until(lambda: failing_egress(engine))  # it is under way when the other one gets stuck
        return answer(200)

    time, reason = Time(ends=0), "some records wait for their next attempt: 500 Internal Server Error"
    async with Receiver(choke) as receiver, running(Teller, sinks={OUT: time.sink(receiver)}) as engine:
        send(engine, "b", 0)
        send(engine, "a", 1, 2)
        for n in range(1, 5):
            await until(lambda: numbers(receiver.accepted, "b") == [*range(n)] and engine.view.egress_kept == 2)  # noqa: B023
            assert failing_egress(engine) == {OUT: reason}
            await engine.idle()  # nobody waits for it
            send(engine, "b", n)

        chokes = False
        await engine.idle()
        await until(lambda: not engine.view.egress_kept)
        assert numbers(receiver.accepted, "a") == [1, 2]
        assert failing_egress(engine) == {}
    assert caplog.messages == [f"egress {OUT}: {reason}", f"egress {OUT}: the records that waited are sent"]


async def test_records_that_are_retried_leave_connections_to_others() -> None:
    """They get no answer again and again, each for as long as a request may take."""
    let_go = asyncio.Event()

    async def hang(post: Post) -> bytes:
        if post.json["key"] != "b":
            if sum(each.id == post.id for each in receiver.posts) == 1:
                return answer(500)
            await let_go.wait()
        return answer(200)

    time = Time(ends=0)
    async with Receiver(hang) as receiver:
        sink = HttpSink(receiver.url, options=HttpSinkOptions(in_flight=4), sleep=time.sleep, monotonic=time.monotonic)
        async with running(Teller, sinks={OUT: sink}) as engine:
            for key in range(9):
                send(engine, f"a{key}", 1)
            await until(lambda: len(receiver.posts) == 9 + 2)
            send(engine, "b", 1, 2, 3)
            await until(lambda: numbers(receiver.accepted) == [1, 2, 3])
            let_go.set()
            await engine.idle()


class Watched(HttpSink):
    """Shows its queue."""

    queue: EgressQueue

    async def run(self, queue: EgressQueue) -> None:
        self.queue = queue
        await super().run(queue)


async def test_large_records_of_stuck_keys_stay_in_the_window_so_that_memory_is_bounded() -> None:
    async def choke(post: Post) -> bytes:
        return answer(500)

    time, size, count = Time(ends=0), WINDOW_BYTES // 4, 6
    async with Receiver(choke) as receiver:
        sink = Watched(receiver.url, sleep=time.sleep, monotonic=time.monotonic)
        async with running(Teller, sinks={OUT: sink}) as engine:
            for number in range(count):
                send_to(engine, Teller.at(f"{number}"), pack("x" * size))
            await until(lambda: failing_egress(engine) == {OUT: "500 Internal Server Error"})
            await engine.idle()
            assert len(sink.queue.aside.lanes) == 3, "with their types, four are too large"
            assert engine.view.egress_kept == count
