"""Batches over the wires of Flink inside a test: bytes and back give the same outcome as the direct call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    NoAnswer,
    RequestReplyHandler,
    StatefulFunctions,
    answers,
    handles,
    kafka_record,
    message,
    persisted,
)
from statefun_actors.dispatch import Application
from statefun_actors.functions import Context
from statefun_actors.model import Cancel, Done, Effect, Egress, Send, SendAfter, TypedValue
from statefun_actors.testing import Faults, TestRuntime, simulate
from statefun_actors.testing.wires import WireTurns
from statefun_actors.testing.wires.replies import read_2x, read_3x
from statefun_actors.types import pack
from statefun_actors.wire import V2, V3, v3_pb2

DAY = timedelta(days=1)
ADA = Address("wires/everything", "ada")


@message("wires/item")
@attrs.frozen
class Item:
    name: str
    price: float | None = None
    tags: list[str] = attrs.Factory(list)


class Everything(Entity, typename="wires/everything"):
    """It has a field of each kind, and does all that a handler can do."""

    count: int = persisted(default=0)
    large: int = persisted(default=0)
    ratio: float = persisted(default=0.0)
    flag: bool = persisted(default=False)
    text: str = persisted(default="")
    data: bytes = persisted(default=b"")
    items: list[Item] = persisted(factory=list)
    when: datetime | None = persisted(default=None)
    anything: AnyMessage | None = persisted(default=None)

    @handles(int)
    def add(self, number: int) -> int:
        self.count += number
        self.large = 2**40 + number
        self.when = datetime(2026, 1, 1, tzinfo=UTC)
        self.send(self.at("other"), f"from {self.id}")
        self.send_egress("wires/numbers", number)
        self.send_egress("wires/topic", kafka_record(topic="t", key="k", value="v"))
        self.send_after(DAY, self.address, 0.5, cancellation_token="later")
        self.send_after(DAY, self.address, b"bytes")
        self.cancel("never")
        return self.count

    @handles(str)
    def note(self, text: str) -> None:
        self.text += text
        self.items.append(Item(text, 1.5, ["a"]))
        self.cancel("later")

    @handles(float)
    def half(self, ratio: float) -> None:
        self.ratio += ratio

    @handles(bytes)
    def keep(self, data: bytes) -> None:
        self.data += data
        self.anything = None

    @handles(bool)
    def switch(self, flag: bool) -> bool:
        self.flag = flag
        self.ask(self.at("asked"), 3, then=self.asked, keep="kept")
        return flag

    @answers
    def asked(self, answer: int | NoAnswer, keep: str) -> None:
        self.text += f"{keep} {answer}"

    @handles(Duration)
    def as_any(self, duration: Duration) -> None:
        self.anything = AnyMessage()
        self.anything.Pack(duration)

    @handles(Item, on_failure=DeadLetter("wires/letters", attempts=1, as_value=True))
    def fail(self, item: Item) -> None:
        raise ValueError(item.name)


functions = StatefulFunctions()


@functions.bind("wires/function", states={"seen": int})
def count_messages(context: Context, received: int | str) -> None:
    seen = context["seen"] or 0
    context["seen"] = seen + 1
    context.pack_and_send_egress("wires/seen", f"{seen} {received}")


@functions.bind("wires/any", states={"last": AnyMessage})
def show_type(context: Context, received: AnyMessage) -> None:
    context["last"] = received
    context.pack_and_send_egress("wires/types", received.type_url)


async def everything(runtime: TestRuntime) -> Any:
    replies = [await runtime.ask(ADA, number, int) for number in (1, -2, 2**31 - 1)]
    for value in ("text", 2.5, b"\0", Item("x"), Duration(seconds=5)):
        await runtime.tell(ADA, value)
    replies.append(await runtime.ask(ADA, True, bool))
    for value in (1, "one"):
        await runtime.tell(Address("wires/function", "f"), value)
        await runtime.tell(Address("wires/any", "a"), value)
    await runtime.clock.advance(2 * DAY)
    return replies


def test_each_seed_that_takes_the_wires_has_the_result_of_the_direct_call() -> None:
    faults = Faults(order=False, twice=False, kills=False, egress=False, repeats=False)

    simulate(everything, Everything, functions, seeds=24, faults=faults)


def test_all_three_paths_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    paths: Counter[str] = Counter()
    for name, dialect in (("3.x", V3), ("2.x", V2)):

        def write(outcome: Done, token_prefix: str | None, of: Any = dialect.write, name: str = name) -> bytes:
            paths[name] += 1
            encoded: bytes = of(outcome, token_prefix)
            return encoded

        monkeypatch.setattr(dialect, "write", write)
    read: Callable[..., Any] = RequestReplyHandler.read

    def counted(handler: RequestReplyHandler, data: bytes) -> Any:
        paths["requests"] += 1
        return read(handler, data)

    monkeypatch.setattr(RequestReplyHandler, "read", counted)

    simulate(everything, Everything, functions, seeds=8, faults=Faults(kills=False))

    assert paths["3.x"] > 20
    assert paths["2.x"] > 20
    assert paths["requests"] >= paths["3.x"] + paths["2.x"]


async def test_a_hostile_runtime_takes_the_wires_too() -> None:
    logs: list[str] = []
    for seed in range(12):
        async with TestRuntime(Everything, functions, hostile=seed) as runtime:
            assert await runtime.ask(ADA, 5, int) == 5
            logs += [entry.text for entry in runtime.log]

    assert "--- batches take the wire 3.x, the wire 2.x and the direct call in turn ---" in logs


async def test_wires_can_be_left_out() -> None:
    for seed in range(12):
        async with TestRuntime(Everything, functions, hostile=seed, faults=Faults(wires=False)) as runtime:
            await runtime.tell(ADA, "x")
            assert not any("the wire 3.x" in entry.text for entry in runtime.log)


class Waiting(Entity, typename="wires/waiting"):
    seen: int = persisted(default=0)

    @handles(int)
    async def wait(self, number: int) -> int:
        await asyncio.sleep(0)
        self.seen += number
        return self.seen


class Renamed(Entity, typename="wires/renamed", was="wires/former"):
    @handles(int)
    def take(self, _: int) -> None: ...


async def test_what_flink_can_not_run_takes_the_direct_call() -> None:
    for seed in range(8):
        async with TestRuntime(Renamed, hostile=seed) as runtime:
            await runtime.tell(Renamed.at("x"), 1)


EFFECTS: list[Effect] = [
    Cancel("a"),
    Send(ADA, pack(1)),
    SendAfter(ADA, pack(2.5), 7, "a"),
    Egress("wires/out/two", pack("text")),
    Cancel("b"),
    SendAfter(ADA, pack(b""), 0, None),
    Send(ADA, TypedValue("a/type", b""), {"traceparent": "x"}),
    SendAfter(ADA, pack(True), 9, "c"),
    Cancel("c"),
    Cancel("c"),
    Egress("wires/out", pack(Duration(seconds=1)), {"traceparent": "x"}),
]


@pytest.mark.parametrize("prefix", ["wires/everything", None])
@pytest.mark.parametrize("count", range(len(EFFECTS) + 1))
def test_an_outcome_is_the_same_after_its_reply(prefix: str | None, count: int) -> None:
    done = Done(EFFECTS[:count], {"one": pack(1), "none": None, "large": pack(2**40)}, (), [count])

    assert read_3x(V3.write(done, token_prefix=prefix), done, prefix) == done
    assert read_2x(V2.write(done, token_prefix=prefix), done, prefix) == done


def test_a_wire_that_loses_something_is_reported() -> None:
    done = Done([Send(ADA, pack(1))], {"n": pack(1)}, (), [1])
    written = V3.write(Done([Send(ADA, pack(2))], {}, (), [1]), token_prefix=None)

    with pytest.raises(AssertionError) as raised:
        read_3x(written, done, None)

    assert str(raised.value) == (
        f"the 3.x wire does not carry an outcome: expected {done.effects!r} and {done.changes!r}, got "
        f"{[Send(ADA, pack(2))]!r} and {{}}. This is a bug of statefun-actors: report it, and go on with "
        "Faults(wires=False)"
    )


def test_a_reply_without_a_result_is_reported() -> None:
    done = Done([Send(ADA, pack(1))], {}, (), [1])

    with pytest.raises(AssertionError, match=r"the 3\.x wire does not carry an outcome"):
        read_3x(v3_pb2.FromFunction().SerializeToString(), done, None)


async def test_handlers_that_wait_run_over_the_wires_too() -> None:
    for seed in range(8):
        async with TestRuntime(Waiting, hostile=seed) as runtime:
            assert [await runtime.ask(Waiting.at("w"), number, int) for number in (1, 2, 3)] == [1, 3, 6]


def test_own_functions_and_activities_take_the_direct_call() -> None:
    turns = WireTurns(Application(Everything), 0)

    assert list(turns._served) == ["wires/everything"]
