"""What one batch does: delayed messages, their tokens, and clear()."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, Context, Entity, RequestReplyHandler, StatefulFunctions, handles, persisted
from statefun_actors.wire import v2_pb2, v3_pb2
from tests.conformance.cases.vocabulary import PROBE, logged
from tests.conformance.engine import Can, Start
from tests.conformance.sections import BATCHES as B
from tests.http.serving import request

functions = StatefulFunctions()


@functions.bind("conf/tokens")
def tokens(context: Context, message: int) -> None:
    """Sends with a token, and cancels another."""
    context.pack_and_send_after(1, "probe/x", "1", message, cancellation_token="t")
    context.cancel("u")


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
        await handler.handle(request(A, "token 1", "cancel", state={"n": None}, protocol=2))
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
