"""What one batch does: from the lookup of its function type to its reply."""

from __future__ import annotations

from typing import ClassVar

import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    MissingStateError,
    RequestReplyHandler,
    TypedValue,
    UnknownFunctionTypeError,
    handles,
    persisted,
)
from statefun_actors.wire import v2_pb2, v3_pb2
from tests.conformance.cases.vocabulary import ASKER, PROBE
from tests.conformance.engine import Can, Start
from tests.conformance.sections import BATCHES as B
from tests.http.serving import request

BAD = TypedValue("io.statefun.types/long", b"\xff\xff")


class Declared(Entity, typename="conf/declared"):
    """Only its own case uses it: Flink asks for the states of a function type once."""

    n: int = persisted(default=0)
    items: list[int] = persisted(factory=list)
    note: str | None = persisted(default=None)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Actor(Entity, typename="conf/actor"):
    """Carries out the instructions of its messages."""

    instances: ClassVar[list[int]] = []
    n: int = persisted(default=0)
    items: list[int] = persisted(factory=list)
    note: str | None = persisted(default=None)

    @handles(int)
    def add(self, message: int) -> int:
        self.n += message
        return self.n

    @handles(str)
    def go(self, message: str) -> None:
        match message:
            case "assign default":
                self.n = 0
            case "read all":
                assert (self.n, self.items, self.note) == (0, [], None)
            case "append":
                self.items.append(1)
            case "note":
                self.note = "x"
            case "none":
                self.note = None
            case "delete":
                del self.n
                assert self.n == 0
            case "all, backwards":
                self.note = "x"
                self.items = [1]
                self.n = 1
                self.n = 2
            case "to and fro":
                self.n += 1
                self.n -= 1
                self.items.append(2)
                self.items.pop()
            case "order":
                self.send(PROBE, 1)
                self.send_egress("conf/out", "e")
                self.send(PROBE, 2)
                self.send_egress("conf/out", "f")
            case "instance":
                Actor.instances.append(id(self))
                self.send(PROBE, len(Actor.instances))
            case _:
                raise AssertionError(message)


ADA = Actor.at("ada")


@B.once("B1", "the function type is looked up; an unknown one fails the batch with UnknownFunctionTypeError", "wire")
async def unknown() -> None:
    for protocol in (2, 3):
        handler = RequestReplyHandler(Actor, protocol=3 if protocol == 3 else 2)
        with pytest.raises(UnknownFunctionTypeError, match=r"conf/nobody.*conf/actor"):
            await handler.handle(request(Address("conf/nobody", "a"), 1, protocol=protocol))


@B.case(
    "B2", "3.x: states that the class declares and the request lacks are asked for, in declaration order", Can.DECLARE
)
async def handshake(start: Start) -> None:
    async with start(Declared) as engine:
        await engine.tell(Declared.at("ada"), 2, caller=ASKER)
        assert engine.asked[0] == ["n", "items", "note"]
        assert [sent.value for sent in engine.sent] == [2]


@B.case("B3", "it asks for just those, and no user code has run", Can.DECLARE_SOME)
async def just_those(start: Start) -> None:
    async with start(Actor) as engine:
        Actor.instances.clear()
        engine.put_state(ADA, "items", [1])
        await engine.tell(ADA, "instance")
        assert engine.asked == [["n", "note"]]
        assert [sent.value for sent in engine.sent] == [1]  # it ran once


@B.once("B4", "2.x: a missing name is an error with the `states:` line to add", "wire")
async def missing_in_2() -> None:
    handler = RequestReplyHandler(Actor, protocol=2)
    with pytest.raises(MissingStateError, match=r"(?s)states:.*items") as caught:
        await handler.handle(request(ADA, 1, state={"n": None, "note": None}, protocol=2))
    assert "note" not in str(caught.value)


@B.case("B5", "a state that came but is no longer declared is ignored", Can.UNDECLARED)
async def undeclared(start: Start) -> None:
    async with start(Actor) as engine:
        engine.put_state(ADA, "former", TypedValue("their/own", b"\xff"))
        await engine.tell(ADA, 2)
        assert (engine.failures, engine.changes) == ([], [{"n": 2}])
        assert engine.state(ADA)["former"] == TypedValue("their/own", b"\xff")


@B.case("B6", "one instance serves one batch")
async def instances(start: Start) -> None:
    async with start(Actor) as engine:
        Actor.instances.clear()
        await engine.tell(ADA, "instance", "instance")
        assert len(set(Actor.instances)) == 1


class Reader(Entity, typename="conf/reader", on_failure=DeadLetter("conf/letters", attempts=1)):
    count: int = persisted(default=0)
    other: int = persisted(default=0)

    @handles(str)
    def go(self, message: str) -> None:
        if message == "here":
            try:
                self.other = self.count
            except Exception:
                self.other = -1
        else:
            self.other += 1


READER = Reader.at("a")


@B.case("B7", "fields are decoded when first touched; state that can't be read fails the batch then, even if caught")
async def unreadable(start: Start) -> None:
    async with start(Reader) as engine:
        engine.put_state(READER, "count", BAD)
        await engine.tell(READER, "elsewhere", "here", "elsewhere")
        assert engine.failures[-1:] == ["StateDecodeError"]
        assert engine.egress("conf/letters") == []
        assert engine.state(READER)["count"] == BAD


@B.case("B8", "untouched, state that can't be read does no harm and stays as it is")
async def untouched(start: Start) -> None:
    async with start(Reader) as engine:
        engine.put_state(READER, "count", BAD)
        await engine.tell(READER, "elsewhere")
        assert (engine.failures, engine.changes) == ([], [{"other": 1}])
        assert engine.state(READER) == {"count": BAD, "other": 1}


@B.case("B9", "each message runs, and its effects leave in the order in which they were asked for")
async def order(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "order", "order")
        assert [sent.value for sent in engine.sent] == [1, 2, 1, 2]
        assert engine.egress("conf/out") == ["e", "f", "e", "f"]


@B.case("B10", "messages of a batch run in their order, each on what the one before left")
async def in_order(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 2, 3, 5, caller=ASKER)
        assert [sent.value for sent in engine.sent] == [2, 5, 10]


@B.case("B11", "at the end changed fields are written once, in declaration order")
async def written_once(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, "all, backwards", 1)
        [changes] = engine.changes
        assert list(changes.items()) == [("n", 3), ("items", [1]), ("note", "x")]


@B.case("B12", "deleted fields are deleted, and unchanged ones don't travel")
async def deleted(start: Start) -> None:
    async with start(Actor) as engine:
        await engine.tell(ADA, 5, "note", "append")
        await engine.tell(ADA, "delete")
        assert engine.changes[-1] == {"n": None}
        assert engine.state(ADA) == {"items": [1], "note": "x"}


@B.once("B13", "a reply without effects still sets invocation_result", "wire")
async def empty_reply() -> None:
    handler = RequestReplyHandler(Actor)
    state: dict[str, TypedValue | None] = {"n": None, "items": None, "note": None}
    reply = v3_pb2.FromFunction.FromString(await handler.handle(request(ADA, "read all", state=state)))
    assert reply.HasField("invocation_result")
    handler = RequestReplyHandler(Actor, protocol=2)
    body = await handler.handle(request(ADA, "read all", state=state, protocol=2))
    assert v2_pb2.FromFunction.FromString(body).HasField("invocation_result")
