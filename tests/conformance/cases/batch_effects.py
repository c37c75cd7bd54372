"""What one batch does: undo, expiry, replies, time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from statefun_actors import (
    Address,
    Context,
    DeadLetter,
    Entity,
    RequestReplyHandler,
    StatefulFunctions,
    handles,
    persisted,
)
from statefun_actors.testing import TestRuntime
from tests.conformance.cases.vocabulary import ASKER, PROBE, Named, logged
from tests.conformance.engine import Can, Start
from tests.conformance.sections import BATCHES as B
from tests.http.serving import request


class Bare(Entity, typename="conf/bare-batch"):
    """Fails on 13, without a policy."""

    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        self.send(PROBE, message)
        if message == 13:
            raise ValueError("thirteen")


@B.case("B22", "without a failure policy any failure discards the whole batch", Can.BATCH_FAILS_WHOLE)
async def whole(start: Start) -> None:
    async with start(Bare) as engine:
        await engine.tell(Bare.at("a"), 1, 13, 2)
        assert engine.failures == ["ValueError"]
        assert (engine.state(Bare.at("a")), engine.sent) == ({}, [])


class Guarded(Entity, typename="conf/guarded-batch", on_failure=DeadLetter("conf/letters", attempts=1)):
    """Changes all there is, and fails on 13."""

    n: int = persisted(default=0)
    items: list[int] = persisted(factory=list)
    table: dict[str, list[int]] = persisted(factory=dict)
    named: Named | None = persisted(default=None)
    gone: str | None = persisted(default=None)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        self.items.append(message)
        self.table.setdefault("k", []).append(message)
        self.named = Named("n", [message])
        self.send(PROBE, message)
        self.send_after(5, PROBE, message)
        self.send_egress("conf/out", message)
        if message == 13:
            del self.gone
            raise ValueError("thirteen")

    @handles(str)
    def keep(self, message: str) -> None:
        self.gone = message


@B.case("B23", "with a policy, a failed message is undone: state, changed in place or not, deletions, and effects")
async def undone(start: Start) -> None:
    ada = Guarded.at("ada")
    async with start(Guarded) as engine:
        await engine.tell(ada, "x", 1, 13, 2)
        assert engine.state(ada) == {
            "n": 3, "items": [1, 2], "table": {"k": [1, 2]}, "named": Named("n", [2]), "gone": "x"
        }  # fmt: skip
        assert [sent.value for sent in engine.sent] == [1, 2]
        assert [item.value for item in engine.pending] == [1, 2]
        assert engine.egress("conf/out") == [1, 2]


@attrs.frozen
class Hold:
    """Where a handler waits until its case lets it continue."""

    entered: asyncio.Event = attrs.field(factory=asyncio.Event)
    go_on: asyncio.Event = attrs.field(factory=asyncio.Event)


HOLDS: Final[dict[type[Entity], Hold]] = {}
"""By the class that waits there. One case uses each class's."""


class Fading(Entity, typename="conf/fading"):
    """Replies with the fields that it still has."""

    written: str | None = persisted(default=None, expire_after_write=timedelta(seconds=10))
    called: str | None = persisted(default=None, expire_after_call=timedelta(seconds=10))
    other: int = persisted(default=0)

    @handles(str)
    async def go(self, message: str) -> None:
        if message == "write":
            self.written = self.called = "v"
        elif message == "wait":
            HOLDS[Fading].entered.set()
            await HOLDS[Fading].go_on.wait()
        elif message == "other":
            self.other += 1
        else:
            self.send(PROBE, f"{self.written} {self.called}")


FADING = Fading.at("a")


@B.case("B24", "TTL is judged once, at the start of the batch", Can.EXPIRE)
async def judged_once(start: Start) -> None:
    hold = HOLDS[Fading] = Hold()
    async with start(Fading) as engine:
        await engine.tell(FADING, "write")
        batch = asyncio.ensure_future(engine.tell(FADING, "wait", "read"))
        await hold.entered.wait()
        await engine.elapse(20)
        hold.go_on.set()
        await batch
        assert [sent.value for sent in engine.sent] == ["v v"]
        await engine.tell(FADING, "read")
        [after] = [sent.value for sent in engine.sent][1:]
        assert after in {"None v", "None None"}  # the last call was when that batch began, or when it ended

        # What has expired when a batch starts is absent in all of it.
        await engine.tell(FADING, "write")
        await engine.advance(20)
        await engine.tell(FADING, "read", "other", "read")
        assert [sent.value for sent in engine.sent][2:] == ["None None", "None None"]


@B.case("B25", "a state with expire_after_write expires after its last write", Can.EXPIRE)
async def after_write(start: Start) -> None:
    async with start(Fading) as engine:
        await engine.tell(FADING, "write")
        for seconds, message in (
            (6, "write"),
            (6, "read"),
            (6, "read"),
        ):  # 12 s after the first write, 6 after the last
            await engine.advance(seconds)
            await engine.tell(FADING, message)
        assert [sent.value for sent in engine.sent] == ["v v", "None v"]


@B.case("B26", "expire_after_call counts from the entity's last batch, whichever fields that used", Can.EXPIRE)
async def after_call(start: Start) -> None:
    async with start(Fading) as engine:
        await engine.tell(FADING, "write")
        for seconds, message in ((6, "other"), (6, "read"), (11, "read")):
            await engine.advance(seconds)
            await engine.tell(FADING, message)
        assert [sent.value for sent in engine.sent] == ["None v", "None None"]


class Replies(Entity, typename="conf/replies"):
    """Answers in every way."""

    @handles(int)
    def returned(self, message: int) -> int:
        return message

    @handles(str)
    def both(self, message: str) -> str:
        self.reply(f"{message} first")
        return f"{message} second"

    @handles(bool)
    def replied(self, message: bool) -> None:
        self.reply(message)

    @handles(float)
    async def awaited(self, message: float) -> float:
        return message


REPLIES = Replies.at("a")


@B.case("B27", "a returned value goes to the caller, from async handlers too, and so does self.reply(…)")
async def replies(start: Start) -> None:
    async with start(Replies) as engine:
        await engine.tell(REPLIES, 5, True, 0.5, caller=ASKER)
        assert [(sent.target, sent.value) for sent in engine.sent] == [(ASKER, 5), (ASKER, True), (ASKER, 0.5)]


@B.case("B28", "both mean two replies")
async def two_replies(start: Start) -> None:
    async with start(Replies) as engine:
        await engine.tell(REPLIES, "the", caller=ASKER)
        assert [sent.value for sent in engine.sent] == ["the first", "the second"]


@B.case("B29", "without a caller replies are dropped, and that is logged once per handler")
async def no_caller(start: Start) -> None:
    async with start(Replies) as engine:
        with logged("statefun_actors.dispatch") as lines:
            await engine.tell(REPLIES, 5, 6, True)
            await engine.tell(REPLIES, 7)
        assert (engine.failures, engine.sent) == ([], [])
        assert [line.partition(" replied")[0] for line in lines] == ["Replies.returned", "Replies.replied"]


@B.once("B30", "dropped replies are counted, by handler")
async def counted() -> None:
    handler = RequestReplyHandler(Replies)
    for _ in range(2):
        await handler.handle(request(REPLIES, 5, "x"))
    assert handler.app.diagnostics.dropped_replies == {"Replies.returned": 2, "Replies.both": 4}


functions = StatefulFunctions()


@functions.bind("conf/replying")
def replying(context: Context, message: int) -> None:
    """Replies, whether there is somebody or not."""
    context.pack_and_reply(message)


@B.case("B31", "context.reply without a caller raises")
async def no_caller_for_a_function(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/replying", "a"), 1)
        assert engine.failures == ["NoCallerError"]


class Clock(Entity, typename="conf/clock"):
    """Replies with the time."""

    @handles(str)
    async def tell(self, message: str) -> None:
        before, began = self.now, datetime.now(UTC)
        self.send(PROBE, before)
        if message == "wait":
            HOLDS[Clock].entered.set()
            await HOLDS[Clock].go_on.wait()
            if datetime.now(UTC) < began + timedelta(milliseconds=2):  # the engine's clock may be that of the machine
                await asyncio.sleep(0.002)
        self.send(PROBE, self.now)
        self.send(PROBE, self.now.tzinfo is UTC and self.now == before)

    @handles(float)
    def asked(self, message: float) -> datetime:
        return self.now

    @handles(int)
    def who(self, message: int) -> None:
        self.send(PROBE, f"{self.address} {self.id} {self.caller}")


@B.case("B32", "self.now is aware, in UTC, and constant within a message")
async def now(start: Start) -> None:
    hold = HOLDS[Clock] = Hold()
    async with start(Clock) as engine:
        began = datetime.now(UTC)
        batch = asyncio.ensure_future(engine.tell(Clock.at("a"), "wait", "again"))
        await hold.entered.wait()
        await engine.elapse(10)
        hold.go_on.set()
        await batch
        told = [sent.value for sent in engine.sent]
        first, first_later, second, second_later = (datetime.fromisoformat(str(told[at])) for at in (0, 1, 3, 4))
        assert (told[2], told[5]) == (True, True)
        assert (first_later, second_later) == (first, second)
        assert first.utcoffset() == timedelta(0)
        assert second > first  # constant within a message, not within a batch
        if abs(first - began) > timedelta(hours=1):  # the engine's time is virtual, and exact
            assert second - first == timedelta(seconds=10)


@B.once("B33", "it is virtual in tests")
async def virtual() -> None:
    async with TestRuntime(Clock, start=datetime(2030, 1, 1, tzinfo=UTC)) as runtime:
        await runtime.clock.advance(timedelta(days=1))
        assert await runtime.ask(Clock.at("a"), 0.5, datetime) == datetime(2030, 1, 2, tzinfo=UTC)


@B.case("B34", "a message knows its address, its id, and its caller; from an ingress it has none")
async def who(start: Start) -> None:
    async with start(Clock) as engine:
        await engine.tell(Clock.at("ada"), 1, caller=ASKER)
        await engine.tell(Clock.at("ada"), 1)
        told = [sent.value for sent in engine.sent]
        assert told == ["conf/clock/ada ada probe/asker/1", "conf/clock/ada ada None"]
