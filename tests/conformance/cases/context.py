"""Context of a function, under 3.x."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.wrappers_pb2 import Int32Value, Int64Value, StringValue

from statefun_actors import Address, Context, StatefulFunctions, TypedValue, persisted
from statefun_actors.model import Expiration, StateSpec
from statefun_actors.types import pack
from tests.conformance.cases.vocabulary import ASKER, PROBE, Named, Point
from tests.conformance.engine import Can, Start
from tests.conformance.sections import CONTEXT as C

functions = StatefulFunctions()
A = Address("conf/function", "a")


STATES: dict[str, object] = {
    "count": int,
    "cart": persisted(type=Point, expire_after_write=timedelta(days=1)),
    "box": Any,
}


@functions.bind("conf/function", states=STATES)
def declared(context: Context, message: int | str) -> None:
    """Has declared states."""
    match message:
        case int():
            context["count"] = (context["count"] or 0) + message
            context.pack_and_reply(context["count"])
        case "cart":
            context["cart"] = Point(1, 2)
            assert context["cart"] == Point(1, 2)
        case "any":
            context["count"] = Any(type_url="io.statefun.types/long", value=pack(3).value)
        case "box":
            box = Any()
            box.Pack(Duration(seconds=1))
            context["box"] = box
        case "read box":
            context.pack_and_send("probe/x", "1", context["box"])
        case "read":
            context.pack_and_send("probe/x", "1", repr((context["count"], context["cart"], context["box"])))
        case "none":
            context["count"] = None
        case "delete":
            del context["count"]
            assert context["count"] is None
        case _:
            raise AssertionError(message)


def registered(context: Context, message: int) -> None:
    """Is registered by hand."""
    context["seen"] = message


functions.register("conf/registered", registered, states={"seen": int})


first_request = StatefulFunctions()
"""A function type of one case: Flink learns the states of a type by its first request, whichever case sends it."""
first_request.bind("conf/first-request", states=STATES)(declared)


@C.case("C1", "bind(states={…}) declares states for the 3.x handshake", Can.DECLARE)
async def handshake(start: Start) -> None:
    target = Address("conf/first-request", "a")
    async with start(first_request) as engine:
        await engine.tell(target, 1, caller=ASKER)
        assert engine.asked[0] == ["count", "cart", "box"]
        assert engine.state(target) == {"count": 1}


@C.once("C2", "a state may be persisted(type=…, expire_after_write=…)")
def expiring() -> None:
    [spec] = [spec for function in functions.__function_types__() for spec in function.states if spec.name == "cart"]
    assert spec == StateSpec("cart", "statefun-actors/json", Expiration.AFTER_WRITE, 86_400_000)


@C.case("C3", "register takes the same keyword")
async def by_hand(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(Address("conf/registered", "a"), 5)
        assert engine.state(Address("conf/registered", "a")) == {"seen": 5}


@C.case("C4", 'declared, context["count"] reads and takes Python values')
async def python_values(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(A, 2, 3, "cart", caller=ASKER)
        assert [sent.value for sent in engine.sent] == [2, 5]
        assert engine.state(A) == {"count": 5, "cart": {"x": 1, "y": 2}}
        assert engine.failures == []


@C.case("C5", "and an Any where one is assigned")
async def any_assigned(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(A, "any")
        await engine.tell(A, 2, caller=ASKER)
        assert [sent.value for sent in engine.sent] == [5]


mixed = StatefulFunctions()
M = Address("conf/mixed", "a")


@mixed.bind("conf/mixed", states={"box": Any, "count": int, "name": str})
def mix(context: Context, message: str) -> None:
    """Reads what it keeps as Any, and assigns Anys of the wrapper messages to states of other types."""
    for name, value in (("count", Int32Value(value=7)), ("name", StringValue(value="ada"))):
        packed = Any()
        packed.Pack(value)
        context[name] = packed
    held = Int64Value()
    if context["box"] is not None and context["box"].Unpack(held):
        context.pack_and_send("probe/x", "1", held.value)
    box = Any()
    box.Pack(Int64Value(value=41))
    context["box"] = box


undeclared = StatefulFunctions()
U = Address("conf/undeclared", "a")


@undeclared.bind("conf/undeclared")
def without(context: Context, message: str) -> None:
    """Declares nothing."""
    if message == "write":
        context["came"] = Any(type_url="io.statefun.types/long", value=pack(6).value)
    elif message == "unknown":
        context["nope"] = Any(type_url="io.statefun.types/long")
    else:
        context.pack_and_send("probe/x", "1", context["came"].type_url)


@C.case("C6", "undeclared, context[…] works with states that came with the request, holding Any", Can.UNDECLARED)
async def came(start: Start) -> None:
    async with start(undeclared) as engine:
        engine.put_state(U, "came", TypedValue("their/own", b"\xff"))
        await engine.tell(U, "read", "write")
        assert [sent.value for sent in engine.sent] == ["their/own"]
        assert engine.state(U) == {"came": 6}


@C.case("C7", "a name that did not come is an UndeclaredStateError")
async def unknown(start: Start) -> None:
    async with start(undeclared) as engine:
        await engine.tell(U, "unknown")
        assert engine.failures == ["UndeclaredStateError"]
        assert engine.state(U) == {}


@C.case("C8", "a state may be declared as Any: its typename is type.googleapis.com/google.protobuf.Any")
async def boxed(start: Start) -> None:
    specs = [spec for function in functions.__function_types__() for spec in function.states]
    assert StateSpec("box", "type.googleapis.com/google.protobuf.Any") in specs
    async with start(functions) as engine:
        await engine.tell(A, "box")
        await engine.tell(A, "read box")
        assert [sent.value for sent in engine.sent] == [Duration(seconds=1)]


@C.case("C9", "missing reads as None")
async def missing(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(A, "read")
        assert [sent.value for sent in engine.sent] == ["(None, None, None)"]


@C.case("C10", "assigning None deletes, and so does del")
async def deleted(start: Start) -> None:
    async with start(functions) as engine:
        for message in ("none", "delete"):
            await engine.tell(A, 5, caller=ASKER)
            assert engine.state(A) == {"count": 5}
            await engine.tell(A, message)
            assert engine.changes[-1] == {"count": None}
            assert engine.state(A) == {}
        assert engine.failures == []


sending = StatefulFunctions()
S = Address("conf/sending", "a")


@sending.bind("conf/sending")
def send(context: Context, message: str) -> None:
    """Sends in every way."""
    own = Any(type_url="their/own", value=b"1")
    match message:
        case "send":
            context.send("probe/x", "1", own)
            context.send("probe/x", "1", TypedValue("their/own", b"2"))
        case "wrong":
            context.send("probe/x", "1", 5)  # type: ignore[arg-type]
        case "pack":
            for value in (True, 1, 0.5, "s", b"b", Duration(seconds=1), Named("n"), own, {"a": [1]}):
                context.pack_and_send("probe/x", "1", value)
        case "rest":
            context.reply(own)
            context.pack_and_reply(1)
            context.send_after(timedelta(seconds=1), "probe/x", "1", own)
            context.pack_and_send_after(2, "probe/x", "1", 3)
            context.send_egress("conf/out", own)
            context.pack_and_send_egress("conf/out", 4)
        case "token":
            context.pack_and_send_after(1, "probe/x", "1", 1, cancellation_token="one")
            context.send_after(2, "probe/x", "1", own, cancellation_token="two")
        case token:
            context.cancel(token)


@C.case("C11", "the delayed forms take cancellation_token=; context.cancel(token) cancels", Can.CANCEL)
async def tokens(start: Start) -> None:
    async with start(sending) as engine:
        await engine.tell(S, "token")
        assert [item.delay_ms for item in engine.pending] == [1_000, 2_000]
        await engine.tell(S, "one")
        assert [item.delay_ms for item in engine.pending] == [2_000]
        await engine.tell(S, "two", "unknown")
        assert (engine.pending, engine.failures) == ([], [])


@C.case("C12", "context.send(typename, id, message) takes an Any or a TypedValue, and nothing else")
async def sends(start: Start) -> None:
    async with start(sending) as engine:
        await engine.tell(S, "send")
        assert [(sent.target, sent.typename, sent.data) for sent in engine.sent] == [
            (PROBE, "their/own", b"1"),
            (PROBE, "their/own", b"2"),
        ]
        await engine.tell(S, "wrong")
        assert engine.failures == ["NotAMessageError"]


@C.case("C13", "pack_and_send takes anything that can be on the wire")
async def packs(start: Start) -> None:
    async with start(sending) as engine:
        await engine.tell(S, "pack")
        assert [sent.value for sent in engine.sent] == [
            True, 1, 0.5, "s", b"b", Duration(seconds=1), Named("n"), TypedValue("their/own", b"1"), {"a": [1]}
        ]  # fmt: skip


@C.case("C14", "replies, delayed messages and records likewise have a plain form and a packing one")
async def others(start: Start) -> None:
    async with start(sending) as engine:
        await engine.tell(S, "rest", caller=ASKER)
        own = TypedValue("their/own", b"1")
        assert [(sent.target, sent.value) for sent in engine.sent] == [(ASKER, own), (ASKER, 1)]
        assert [(item.delay_ms, item.value) for item in engine.pending] == [(1_000, own), (2_000, 3)]
        assert engine.egress("conf/out") == [own, 4]


@C.case("C15", "an assigned Any fits where its type is one that the declared type reads, wrapper messages too")
async def wrapped(start: Start) -> None:
    async with start(mixed) as engine:
        await engine.tell(M, "go")
        assert engine.failures == []
        assert (engine.state(M)["count"], engine.state(M)["name"]) == (7, "ada")


@C.case("C16", "a state declared as Any is read whether it is stored as the Any itself (2.x) or as an Any in an Any")
async def any_forms(start: Start) -> None:
    packed = Any()
    packed.Pack(Int64Value(value=5))
    async with start(mixed) as engine:
        engine.put_state(M, "box", TypedValue("type.googleapis.com/google.protobuf.Any", packed.SerializeToString()))
        await engine.tell(M, "go")
        await engine.tell(M, "go")
        assert [sent.value for sent in engine.sent] == [5, 41]
        if engine.protocol == 2:  # the same states without the declaration, as functions of the 2.0 SDK read them
            assert engine.state(M)["box"] == 41
            engine.put_state(M, "box", TypedValue(packed.type_url, packed.value))
            await engine.tell(M, "go")
            assert engine.sent[-1].value == 5
