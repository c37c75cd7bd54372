"""What one batch does (B), delayed messages and tokens (T)."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.types import pack
from tests.conformance.engine import Can, Start, case

PROBE = Address("probe/x", "1")
ASKER = Address("probe/asker", "1")


class Actor(Entity, typename="conf/actor"):
    """Does what its messages say."""

    n: int = persisted(default=0)
    items: list[int] = persisted(factory=list)
    note: str | None = persisted(default=None)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(str)
    def go(self, message: str) -> str | None:
        match message:
            case "assign default":
                self.n = 0
            case "read default":
                assert self.items == []
            case "append":
                self.items.append(1)
            case "note":
                self.note = "x"
            case "none":
                self.note = None
            case "delete":
                del self.n
                assert self.n == 0
            case "clear":
                self.send_after(5, self.address, 1, cancellation_token="t")
                self.clear()
            case "order":
                self.send(PROBE, 1)
                self.send_egress("conf/out", "e")
                self.send(PROBE, 2)
                self.send_egress("conf/out", "f")
            case "two replies":
                self.reply("first")
                return "second"
            case "now":
                assert self.now == self.now
                assert self.now.utcoffset() == timedelta(0)
            case "who":
                assert self.address == Address("conf/actor", self.id)
                self.send(PROBE, str(self.caller))
            case "chain":
                self.send(Actor.at("second"), "who")
            case "fail":
                self.n = 99
                self.send(PROBE, "never")
                raise ValueError
            case _:
                raise AssertionError(message)
        return None


class Waiting(Entity, typename="conf/waiting"):
    @handles(str)
    async def go(self, message: str) -> str:
        return message


class Sender(Entity, typename="conf/sender"):
    @handles(str)
    def go(self, message: str) -> None:
        match message.split():
            case ["after", delay]:
                self.send_after(float(delay), PROBE, message)
            case ["token", delay]:
                self.send_after(float(delay), PROBE, message, cancellation_token="t")
            case _:
                self.cancel("t")


ADA = Actor.at("ada")


@case("B1", "changed fields are written; a returned value is the reply to the caller")
async def changes(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 2, 3, caller=ASKER)
        assert engine.state(ADA) == {"n": 5}
        assert [(sent.target, sent.value) for sent in engine.sent] == [(ASKER, 2), (ASKER, 5)]


@case("B2", "without a caller replies are dropped")
async def no_caller(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 2)
        assert engine.failures == []
        assert engine.sent == []


@case("B3", "self.reply and a returned value are two replies")
async def two_replies(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "two replies", caller=ASKER)
        assert [sent.value for sent in engine.sent] == ["first", "second"]


@case("B4", "effects leave in the order in which they were asked for")
async def order(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "order")
        assert [sent.value for sent in engine.sent] == [1, 2]
        assert engine.egress("conf/out") == ["e", "f"]


@case("B5", "reading a factory default and leaving it alone writes nothing; changing it in place does")
async def defaults(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "read default")
        assert engine.state(ADA) == {}
        await engine.tell(ADA, "append", "append")
        assert engine.state(ADA) == {"items": [1, 1]}


@case("B6", "assigning to an absent field always writes, even its default")
async def assigned_default(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "assign default")
        assert engine.state(ADA) == {"n": 0}


@case("B7", "None and deleted mean absent; absent reads as the default")
async def absent(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 5, "note")
        await engine.tell(ADA, "none", "delete")
        assert engine.state(ADA) == {}
        await engine.tell(ADA, 1)
        assert engine.state(ADA) == {"n": 1}


@case("B8", "clear() deletes all fields")
async def clear(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 5, "note", "append")
        await engine.tell(ADA, "clear")
        assert engine.state(ADA) == {}


@case("B9", "clear() cancels what this batch sent with a token", Can.CANCEL)
async def clear_cancels(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "clear")
        assert engine.pending == []


@case("B10", "a message knows its address and its caller; now is constant within it, aware, UTC")
async def context(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "now", "who", caller=ASKER)
        await engine.tell(ADA, "who", "chain")
        assert engine.failures == []
        assert [sent.value for sent in engine.sent] == ["probe/asker/1", "None", "conf/actor/ada"]


@case("B11", "a failed message leaves nothing behind: no state, no messages")
async def failed(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "fail")
        assert engine.failures == ["ValueError"]
        assert (engine.state(ADA), engine.sent) == ({}, [])


@case("B12", "without a policy, a failing message fails its whole batch", Can.BATCH_FAILS_WHOLE)
async def whole(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 1, "fail", 2)
        assert engine.state(ADA) == {}


@case("B13", "without a policy, what precedes a failing message commits and what follows waits behind it", Can.ISOLATE)
async def isolated(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 1, "fail", 2)
        assert engine.state(ADA) == {"n": 1}
        await engine.tell(Actor.at("bob"), 7)
        assert engine.state(Actor.at("bob")) == {"n": 7}


@case("B14", "async handlers are handlers like any other")
async def awaited(start: Start) -> None:
    async with start(Waiting) as engine:
        await engine.tell(Waiting.at("a"), "x", caller=ASKER)
        assert [sent.value for sent in engine.sent] == ["x"]


@case("B15", "a field reads what it was before, in the next batch")
async def kept(start: Start) -> None:
    async with start(Actor) as engine:
        engine.put_state(ADA, "n", pack(40))
        await engine.tell(ADA, 1)
        await engine.tell(ADA, 1)
        assert engine.state(ADA) == {"n": 42}


@case("T1", "a delayed message arrives after its delay, in the order of due time")
async def delayed(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(Sender.at("a"), "after 3", "after 1", "after 0.0015")
        assert [item.delay_ms for item in engine.pending] == [2, 1_000, 3_000]
        await engine.advance(1)
        assert [sent.value for sent in engine.sent] == ["after 0.0015", "after 1"]
        await engine.advance(2)
        assert [sent.value for sent in engine.sent][-1] == "after 3"


@case("T2", "a delay of zero is an ordinary message; a negative one fails")
async def zero(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(Sender.at("a"), "after 0")
        await engine.tell(Sender.at("b"), "after -1")
        assert [sent.value for sent in engine.sent] == ["after 0"]
        assert engine.failures == ["ValueMismatchError"]


@case("T3", "a pending message of the same sender and token is replaced", Can.CANCEL)
async def replaced(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(Sender.at("a"), "token 1")
        await engine.tell(Sender.at("a"), "token 3", "token 2")
        await engine.tell(Sender.at("b"), "token 4")
        assert [item.value for item in engine.pending] == ["token 2", "token 4"]
        await engine.advance(5)
        assert [sent.value for sent in engine.sent] == ["token 2", "token 4"]


@case("T4", "cancel drops the pending message of that token; an unknown token does no harm", Can.CANCEL)
async def cancelled(start: Start) -> None:
    async with start(Sender) as engine:
        await engine.tell(Sender.at("a"), "cancel", "token 1", "cancel")
        await engine.advance(5)
        assert engine.failures == []
        assert engine.sent == []


@case("T5", "state expires by itself, after its write or after the entity's last batch", Can.EXPIRE)
async def expires(start: Start) -> None:
    class Fading(Entity, typename="conf/fading"):
        written: str | None = persisted(default=None, expire_after_write=timedelta(seconds=10))
        called: str | None = persisted(default=None, expire_after_call=timedelta(seconds=10))

        @handles(str)
        def go(self, message: str) -> None:
            if message == "write":
                self.written = self.called = "v"
            self.send(PROBE, f"{self.written} {self.called}")

    async with start(Fading) as engine:
        await engine.tell(Fading.at("a"), "write")
        for seconds in (6, 6, 11):
            await engine.advance(seconds)
            await engine.tell(Fading.at("a"), "read")
        assert [sent.value for sent in engine.sent] == ["v v", "v v", "None v", "None None"]
