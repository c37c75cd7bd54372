"""What one batch does: undo, expiry, replies, time, delayed messages and their tokens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import ClassVar

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
from statefun_actors.wire import v2_pb2, v3_pb2
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


class Fading(Entity, typename="conf/fading"):
    """Tells what it still has."""

    entered: ClassVar[asyncio.Event]
    go_on: ClassVar[asyncio.Event]
    written: str | None = persisted(default=None, expire_after_write=timedelta(seconds=10))
    called: str | None = persisted(default=None, expire_after_call=timedelta(seconds=10))
    other: int = persisted(default=0)

    @handles(str)
    async def go(self, message: str) -> None:
        if message == "write":
            self.written = self.called = "v"
        elif message == "wait":
            Fading.entered.set()
            await Fading.go_on.wait()
        elif message == "other":
            self.other += 1
        else:
            self.send(PROBE, f"{self.written} {self.called}")


FADING = Fading.at("a")


@B.case("B24", "TTL is judged once, at the start of the batch", Can.EXPIRE)
async def judged_once(start: Start) -> None:
    Fading.entered, Fading.go_on = asyncio.Event(), asyncio.Event()
    async with start(Fading) as engine:
        await engine.tell(FADING, "write")
        batch = asyncio.ensure_future(engine.tell(FADING, "wait", "read"))
        await Fading.entered.wait()
        await engine.elapse(20)
        Fading.go_on.set()
        await batch
        assert [sent.value for sent in engine.sent] == ["v v"]
        await engine.tell(FADING, "read")
        assert [sent.value for sent in engine.sent][1:] in (["None v"], ["None None"])


@B.case("B25", "a state with expire_after_write expires after its last write", Can.EXPIRE)
async def after_write(start: Start) -> None:
    async with start(Fading) as engine:
        await engine.tell(FADING, "write")
        for seconds in (6, 6):
            await engine.advance(seconds)
            await engine.tell(FADING, "read")
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
    assert handler.app.notes.dropped_replies == {"Replies.returned": 2, "Replies.both": 4}


functions = StatefulFunctions()


@functions.bind("conf/replying")
def replying(context: Context, message: int) -> None:
    """Replies, whether there is somebody or not."""
    context.pack_and_reply(message)


@functions.bind("conf/tokens")
def tokens(context: Context, message: int) -> None:
    """Sends with a token, and cancels another."""
    context.pack_and_send_after(1, "probe/x", "1", message, cancellation_token="t")
    context.cancel("u")


@B.case("B31", "context.reply without a caller raises")
async def no_caller_for_a_function(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/replying", "a"), 1)
        assert engine.failures == ["NoCallerError"]


class Clock(Entity, typename="conf/clock"):
    """Tells the time."""

    @handles(str)
    async def tell(self, message: str) -> None:
        before = self.now
        await asyncio.sleep(0)
        assert self.now is before
        assert self.now.utcoffset() == timedelta(0)
        self.send(PROBE, self.now)

    @handles(float)
    def ask(self, message: float) -> datetime:
        return self.now

    @handles(int)
    def who(self, message: int) -> None:
        self.send(PROBE, f"{self.address} {self.id} {self.caller}")


@B.case("B32", "self.now is aware, in UTC, and constant within a message")
async def now(start: Start) -> None:
    async with start(Clock) as engine:
        await engine.tell(Clock.at("a"), "now")
        await engine.advance(10)
        await engine.tell(Clock.at("a"), "now")
        assert engine.failures == []
        assert len(engine.sent) == 2


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


class Sender(Entity, typename="conf/sender"):
    """Sends later, with and without a token."""

    n: int = persisted(default=0)

    @handles(str)
    def go(self, message: str) -> None:
        match message.split():
            case ["seconds", delay]:
                self.send_after(float(delay), PROBE, message)
            case ["whole", delay]:
                self.send_after(int(delay), PROBE, message)
            case ["delta", ms]:
                self.send_after(timedelta(milliseconds=int(ms)), PROBE, message)
            case ["token", delay]:
                self.send_after(float(delay), PROBE, message, cancellation_token="t")
            case ["clear"]:
                self.n = 1
                self.send_after(5, PROBE, "of this batch", cancellation_token="u")
                self.send_after(6, PROBE, "without a token")
                self.clear()
            case ["set"]:
                self.n = 1
            case _:
                self.cancel("t")


class OtherSender(Sender, typename="conf/other-sender"):
    """Of another type, so with tokens of its own."""


A, BOB, OTHER = Sender.at("a"), Sender.at("bob"), OtherSender.at("a")


@B.case(
    "B35", "send_after takes a timedelta, or seconds as int or float, exact to the millisecond; it arrives when due"
)
async def delayed(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "whole 3", "delta 1500", "seconds 0.002")
        assert [item.delay_ms for item in engine.pending] == [2, 1_500, 3_000]
        await engine.advance(2)
        assert [sent.value for sent in engine.sent] == ["seconds 0.002", "delta 1500"]
        await engine.advance(1)
        assert [sent.value for sent in engine.sent][2:] == ["whole 3"]


@B.case("B36", "a negative delay fails the message")
async def negative(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "seconds -1")
        assert engine.failures == ["ValueMismatchError"]
        assert engine.pending == []


@B.case("B37", "a delay of zero is an ordinary message, its token without effect")
async def zero(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "token 9", "token 0", "seconds 0")
        assert [sent.value for sent in engine.sent] == ["token 0", "seconds 0"]
        assert [item.value for item in engine.pending] == ["token 9"]


@B.case("B38", "a token belongs to the sending entity, its type and its id", Can.CANCEL)
async def own_tokens(start: Start) -> None:
    async with start(Sender, OtherSender) as engine:
        for at, sender in enumerate((A, OTHER, BOB), 1):
            await engine.tell(sender, f"token {at}")
        assert [item.value for item in engine.pending] == ["token 1", "token 2", "token 3"]
        await engine.tell(OTHER, "cancel")
        assert [item.value for item in engine.pending] == ["token 1", "token 3"]


@B.case("B39", "a send with a token that is pending replaces the earlier message", Can.CANCEL)
async def replaced(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "token 1")
        await engine.tell(A, "token 3", "token 2")
        await engine.advance(5)
        assert [sent.value for sent in engine.sent] == ["token 2"]


@B.once(
    "B40", "3.x: an entity's token is <ns>/<name>:<token>, a cancellation before each delayed message with one", "wire"
)
async def tokens_in_3() -> None:
    body = await RequestReplyHandler(Sender).handle(request(A, "token 1", "seconds 2", state={"n": None}))
    found = v3_pb2.FromFunction.FromString(body).invocation_result.delayed_invocations
    assert [(each.is_cancellation_request, each.cancellation_token, each.delay_in_ms) for each in found] == [
        (True, "conf/sender:t", 0),
        (False, "conf/sender:t", 1_000),
        (False, "", 2_000),
    ]


@B.once("B41", "3.x: functions pass tokens through unchanged", "wire")
async def tokens_of_functions() -> None:
    body = await RequestReplyHandler(functions).handle(request(Address("conf/tokens", "a"), 1))
    found = v3_pb2.FromFunction.FromString(body).invocation_result.delayed_invocations
    assert [(each.is_cancellation_request, each.cancellation_token) for each in found][-2:] == [
        (False, "t"),
        (True, "u"),
    ]
    assert {each.cancellation_token for each in found} == {"t", "u"}


@B.case("B42", "cancel drops the pending message of that token; an unknown token does no harm", Can.CANCEL)
async def cancelled(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "cancel", "token 1", "cancel")
        await engine.tell(A, "token 2")
        await engine.tell(A, "cancel")
        await engine.advance(5)
        assert (engine.failures, engine.sent) == ([], [])


@B.once("B43", "2.x can't cancel: a token is dropped, cancel does nothing, warned about once per handler", "wire")
async def tokens_in_2() -> None:
    handler = RequestReplyHandler(Sender, protocol=2)
    with logged("statefun_actors") as lines:
        for _ in range(2):
            body = await handler.handle(request(A, "token 1", "cancel", state={"n": None}, protocol=2))
    found = v2_pb2.FromFunction.FromString(body).invocation_result.delayed_invocations
    assert [each.delay_in_ms for each in found] == [1_000]
    assert len(lines) == 1
    assert lines[0].startswith("conf/sender uses cancellation tokens")


@B.case("B44", "self.clear() deletes all fields")
async def clear(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "set")
        await engine.tell(A, "clear")
        assert engine.changes[-1] == {"n": None}
        assert engine.state(A) == {}


@B.case("B45", "self.clear() cancels what this batch sent with a token, and nothing else", Can.CANCEL)
async def clear_cancels(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "token 7")
        await engine.tell(A, "clear")
        assert [item.value for item in engine.pending] == ["without a token", "token 7"]


@B.case("B46", "earlier delayed messages are cancelled by their tokens, after clear() too", Can.CANCEL)
async def cancelled_after_clear(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(A, "token 7")
        await engine.tell(A, "clear", "cancel")
        assert [item.value for item in engine.pending] == ["without a token"]
