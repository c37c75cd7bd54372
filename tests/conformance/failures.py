"""When a handler fails, under a policy (P), and functions (C)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import ClassVar

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import (
    Address,
    Context,
    DeadLetter,
    Discard,
    Entity,
    KafkaRecord,
    Settings,
    StatefulFunctions,
    TerminalError,
    TypedValue,
    handles,
    persisted,
)
from statefun_actors.types import pack
from tests.conformance.engine import Can, Start, case

PROBE = Address("probe/x", "1")
ASKER = Address("probe/asker", "1")
LETTERS = DeadLetter("conf/letters", attempts=3)


class Guarded(Entity, typename="conf/guarded", on_failure=LETTERS):
    runs: ClassVar[int] = 0
    n: int = persisted(default=0)
    items: list[int] = persisted(factory=list)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        self.items.append(message)
        self.send(PROBE, message)
        self.send_after(5, PROBE, message)
        if message == 13:
            Guarded.runs += 1
            raise ValueError("thirteen")
        if message == 14:
            Guarded.runs += 1
            raise TerminalError("fourteen")
        if message == 15:
            self.items.append("x")  # type: ignore[arg-type]
        if message == 16:
            del self.n
            raise ValueError

    @handles(str, on_failure=Discard())
    def discard(self, message: str) -> None:
        self.n = 1_000
        raise ValueError(message)

    @handles(bool)
    def leave(self, message: bool) -> None:
        raise SystemExit


class Flaky(Entity, typename="conf/flaky", on_failure=LETTERS):
    tries: ClassVar[int] = 0
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        Flaky.tries += 1
        if Flaky.tries < 3:
            raise ValueError


class Bare(Entity, typename="conf/bare"):
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        if message == 13:
            raise ValueError("thirteen")


ADA = Guarded.at("ada")


def letters(records: list[object]) -> list[dict[str, object]]:
    assert all(isinstance(record, KafkaRecord) for record in records)
    return [json.loads(record.value) for record in records if isinstance(record, KafkaRecord)]


@case("P1", "with a policy, a failing message is undone and the rest of its batch goes on")
async def undone(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 1, 13, 2)
        assert engine.state(ADA) == {"n": 3, "items": [1, 2]}
        assert [sent.value for sent in engine.sent] == [1, 2]
        assert [item.value for item in engine.pending] == [1, 2]


@case("P2", "DeadLetter: after the last attempt a record tells what failed, and why")
async def dead_letter(start: Start) -> None:
    async with start(Guarded) as engine:
        Guarded.runs = 0
        await engine.tell(ADA, 13, caller=ASKER)
        [record] = engine.egress("conf/letters")
        [letter] = letters([record])
        assert isinstance(record, KafkaRecord)
        assert (record.topic, record.key, Guarded.runs) == ("letters", "conf/guarded/ada", 3)
        assert isinstance(letter.pop("time"), str)
        assert letter == {
            "function_type": "conf/guarded",
            "id": "ada",
            "caller": "probe/asker/1",
            "typename": letter["typename"],
            "value": 13,
            "error_type": "ValueError",
            "error": "thirteen",
            "attempts": 3,
        }


@case("P3", "TerminalError, a message that nobody takes and one that can't be read have one attempt")
async def one_attempt(start: Start) -> None:
    async with start(Guarded) as engine:
        Guarded.runs = 0
        await engine.tell(ADA, 14, 2.5, TypedValue("io.statefun.types/long", b"\xff"), 1)
        found = [(letter["error_type"], letter["attempts"]) for letter in letters(engine.egress("conf/letters"))]
        kinds = ["TerminalError", "UnhandledMessageError", "MessageDecodeError"]
        assert (found, Guarded.runs) == ([(kind, 1) for kind in kinds], 1)
        assert engine.state(ADA)["n"] == 1


@case("P4", "a message that succeeds at a later attempt has happened once")
async def later(start: Start) -> None:
    async with start(Flaky) as engine:
        Flaky.tries = 0
        await engine.tell(Flaky.at("a"), 5)
        assert engine.state(Flaky.at("a")) == {"n": 5}
        assert engine.egress("conf/letters") == []


@case("P5", "Discard drops the message; a handler's policy goes before its class's")
async def discarded(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 1, "no", 2)
        assert engine.state(ADA) == {"n": 3, "items": [1, 2]}
        assert engine.egress("conf/letters") == []


@case("P6", "a value that does not fit fails its message alone")
async def misfit(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 1, 15, 2)
        assert engine.state(ADA) == {"n": 3, "items": [1, 2]}
        [letter] = letters(engine.egress("conf/letters"))
        assert letter["error"] == "Guarded.items: expected `int`, got `str` - at `$[2]`"


@case("P7", "a deletion is undone with its message")
async def deletion(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 1, 16)
        await engine.tell(ADA, 2)
        assert engine.state(ADA)["n"] == 3


@case("P8", "SystemExit fails the batch, whatever the policy")
async def leave(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, True)
        assert engine.failures == ["HandlerExitError"]
        assert engine.egress("conf/letters") == []


@case("P9", "the application's policy is for those who have none")
async def application(start: Start) -> None:
    async with start(Bare, settings=Settings(on_failure=DeadLetter("conf/app", attempts=1))) as engine:
        await engine.tell(Bare.at("a"), 1, 13, 2)
        assert engine.state(Bare.at("a")) == {"n": 3}
        assert len(engine.egress("conf/app")) == 1


@case("P10", "one batch spends at most its retry budget in backoffs")
async def budget(start: Start) -> None:
    class Costly(Entity, typename="conf/costly", on_failure=DeadLetter("conf/app", attempts=9, backoff=1)):
        @handles(int)
        def go(self, message: int) -> None:
            raise ValueError

    async with start(Costly, settings=Settings(retry_budget=0)) as engine:
        await engine.tell(Costly.at("a"), 1, 2)
        assert [letter["attempts"] for letter in letters(engine.egress("conf/app"))] == [1, 1]


functions = StatefulFunctions()


@functions.bind("conf/function", states={"count": int, "box": Any})
def declared(context: Context, message: int | str) -> str:
    """A function with declared states."""
    if isinstance(message, int):
        context["count"] = (context["count"] or 0) + message
        context.pack_and_reply(context["count"])
    elif message == "any":
        box = Any()
        box.Pack(Duration(seconds=1))
        context["box"] = box
        count = Any(type_url="io.statefun.types/long", value=pack(3).value)
        context["count"] = count
    elif message == "delete":
        del context["count"]
    elif message == "none":
        context["count"] = None
    elif message == "wrong":
        context["count"] = Any(type_url="their/own")
    elif message == "unknown":
        context["nope"] = 1
    elif message == "no caller":
        context.pack_and_reply(1)
    elif message == "sends":
        context.send("probe/x", "1", Any(type_url="their/own", value=b"1"))
        context.pack_and_send("probe/x", "1", 2)
        context.pack_and_send_after(timedelta(seconds=1), "probe/x", "1", 3)
        context.pack_and_send_egress("conf/out", 4)
    return "ignored"


FUNCTION = Address("conf/function", "a")


@case("C1", "a declared state takes and gives Python values, and an Any of its own type")
async def declared_states(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(FUNCTION, 2, 3, caller=ASKER)
        assert [sent.value for sent in engine.sent] == [2, 5]
        await engine.tell(FUNCTION, "any")
        assert engine.state(FUNCTION)["count"] == 3
        await engine.tell(FUNCTION, "delete")
        await engine.tell(FUNCTION, 1, "none", caller=ASKER)
        assert "count" not in engine.state(FUNCTION)
        assert engine.failures == []


@case("C2", "an Any of another type in a declared state fails; so do unknown states and replies without a caller")
async def function_errors(start: Start) -> None:
    for message, error in (
        ("wrong", "FieldMismatchError"),
        ("unknown", "UndeclaredStateError"),
        ("no caller", "NoCallerError"),
    ):
        async with start(functions) as engine:
            await engine.tell(FUNCTION, message)
            assert engine.failures == [error]


@case("C3", "what a function returns is ignored; its sends, replies, delays and records leave")
async def function_sends(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(FUNCTION, "sends", caller=ASKER)
        first, *others = engine.sent
        assert (first.typename, first.target) == ("their/own", PROBE)
        assert [sent.value for sent in others] == [2]
        assert [(item.delay_ms, item.value) for item in engine.pending] == [(1_000, 3)]
        assert engine.egress("conf/out") == [4]


@case("C4", "without a hint a function takes everything, as an Any")
async def untyped(start: Start) -> None:
    seen: list[str] = []
    plain = StatefulFunctions()

    @plain.bind("conf/untyped")
    def take(context, message):  # type: ignore[no-untyped-def]
        seen.append(message.type_url)

    async with start(plain) as engine:
        await engine.tell(Address("conf/untyped", "a"), Duration(), TypedValue("their/own", b""))
        assert seen == ["type.googleapis.com/google.protobuf.Duration", "their/own"]


@case("C5", "a function declares its states to the runtime", Can.DECLARE)
async def handshake(start: Start) -> None:
    async with start(functions) as engine:
        await engine.tell(FUNCTION, 1, caller=ASKER)
        assert engine.state(FUNCTION) == {"count": 1}
