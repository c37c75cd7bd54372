"""When a handler fails: the policy that applies, and failures without one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from statefun_actors import (
    Address,
    Context,
    DeadLetter,
    Discard,
    Entity,
    Settings,
    StatefulFunctions,
    TerminalError,
    TypedValue,
    create_app,
    handles,
    persisted,
)
from tests.conformance.cases.vocabulary import ASKER, PROBE, letters
from tests.conformance.engine import Can, Start
from tests.conformance.sections import FAILURES as F
from tests.http.serving import request, serving
from tests.http.test_endpoint import Client

LETTERS = DeadLetter("conf/letters", attempts=1)


class Policies(Entity, typename="conf/policies", on_failure=LETTERS):
    """Fails with every message, under its own policy or that of a handler."""

    @handles(int)
    def of_the_class(self, message: int) -> None:
        raise ValueError

    @handles(str, on_failure=Discard())
    def of_the_handler(self, message: str) -> None:
        raise ValueError


class Bare(Entity, typename="conf/bare"):
    """Fails on 13, gives up on 14, without a policy."""

    runs: ClassVar[int] = 0
    cured: ClassVar[bool] = False
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        if message == 13 and not Bare.cured:
            Bare.runs += 1
            raise ValueError("thirteen")
        if message == 14:
            raise TerminalError("fourteen")


functions = StatefulFunctions()


@functions.bind("conf/failing", on_failure=Discard())
def failing(context: Context, message: int) -> None:
    """Fails."""
    raise ValueError


@F.case("F1", "on_failure= on @handles goes before the class's")
async def of_a_handler(start: Start) -> None:
    async with start(Policies) as engine:
        await engine.tell(Policies.at("a"), "x")
        assert (engine.failures, engine.egress("conf/letters")) == ([], [])


@F.case("F2", "on_failure= on bind")
async def of_a_function(start: Start) -> None:
    async with start(functions, settings=Settings(on_failure=LETTERS)) as engine:
        await engine.tell(Address("conf/failing", "a"), 1)
        assert (engine.failures, engine.egress("conf/letters")) == ([], [])


@F.case("F3", "else on_failure= on the class, which goes before the app's")
async def of_a_class(start: Start) -> None:
    async with start(Policies, settings=Settings(on_failure=Discard())) as engine:
        await engine.tell(Policies.at("a"), 1)
        assert len(engine.egress("conf/letters")) == 1


@F.case("F4", "else the app's")
async def of_the_app(start: Start) -> None:
    async with start(Bare, settings=Settings(on_failure=DeadLetter("conf/app", attempts=1))) as engine:
        await engine.tell(Bare.at("a"), 1, 14, 2)
        assert engine.state(Bare.at("a")) == {"n": 3}
        assert len(engine.egress("conf/app")) == 1


@F.once("F5", "the app's is create_app(…, on_failure=)", "wire")
async def of_create_app() -> None:
    body = request(Bare.at("a"), 14, state={"n": None})
    assert (await Client(create_app(Bare)).body(body).ask())[0] == 500
    assert (await Client(create_app(Bare, on_failure=Discard())).body(body).ask())[0] == 200


APP = """
from statefun_actors import Discard, Entity, handles

class Careless(Entity, typename="conf/careless"):
    @handles
    def go(self, message: int) -> None:
        raise ValueError

class Careful(Entity, typename="conf/careful", on_failure=Discard()):
    @handles
    def go(self, message: int) -> None: ...
"""


@F.once("F6", "or --dead-letters NS/NAME", "wire")
def of_the_command_line() -> None:
    with TemporaryDirectory() as folder:
        (app := Path(folder, "app.py")).write_text(APP)
        with serving(app, "--dead-letters", "conf/letters") as server:
            status, reply = server.post(request(Address("conf/careless", "a"), 1))
    assert status == 200
    assert b"letters" in reply


@F.once("F7", "none: serve warns at its start, naming each class without a policy", "wire")
def warned() -> None:
    with TemporaryDirectory() as folder:
        (app := Path(folder, "app.py")).write_text(APP)
        with serving(app) as server:
            _, text = server.stop()
    [warning] = [line for line in text.splitlines() if line.startswith("Warning: ")]
    assert "conf/careless" in warning
    assert "conf/careful" not in warning


@F.case("F8", "none, on Flink: the batch is the unit; it fails with all its messages", Can.BATCH_FAILS_WHOLE)
async def whole(start: Start) -> None:
    Bare.cured = False
    async with start(Bare) as engine:
        await engine.tell(Bare.at("a"), 1, 13, 2)
        assert engine.failures == ["ValueError"]
        assert engine.state(Bare.at("a")) == {}


@F.case("F9", "none, embedded: its messages run again one per batch, those before the failing one commit", Can.ISOLATE)
async def isolated(start: Start) -> None:
    Bare.cured = False
    async with start(Bare) as engine:
        await engine.tell(Bare.at("a"), 1, 2, 13, 4)
        assert engine.changes == [{"n": 1}, {"n": 3}]


class Patient(Entity, typename="conf/patient"):
    """Fails on 13 until the test repairs it, and keeps the order of its messages."""

    cured: ClassVar[bool] = False
    tried: ClassVar[list[int]] = []
    seen: list[int] = persisted(factory=list)

    @handles(int)
    def note(self, message: int) -> None:
        Patient.tried.append(message)
        if message == 13 and not Patient.cured:
            raise ValueError("thirteen")
        self.seen.append(message)


@F.case("F10", "the failing one waits with backoff, 0.1 s doubling to 60 s", Can.ISOLATE)
async def backoff(start: Start) -> None:
    Bare.cured, Bare.runs = False, 0
    async with start(Bare) as engine:
        await engine.tell(Bare.at("a"), 13)
        waited = [0.1 * 2**at for at in range(10)]  # the last is 51.2 s
        for at, seconds in enumerate([*waited, 60, 60], 1):
            await engine.advance(seconds - 0.001)
            assert Bare.runs == at
            await engine.advance(0.001)
            assert Bare.runs == at + 1
        Bare.cured = True
        await engine.advance(60)
        assert engine.state(Bare.at("a")) == {"n": 13}

        # A success ends the row: the next failure of that address begins at 0.1 s again.
        Bare.cured, Bare.runs = False, 0
        await engine.tell(Bare.at("a"), 13)
        for at, seconds in enumerate([0.1, 0.2, 0.4], 1):
            await engine.advance(seconds - 0.001)
            assert Bare.runs == at
            await engine.advance(0.001)
            assert Bare.runs == at + 1


@F.case("F11", "later ones of that address wait behind it, in their order", Can.ISOLATE)
async def behind(start: Start) -> None:
    Patient.cured, Patient.tried = False, []
    async with start(Patient) as engine:
        await engine.tell(Patient.at("a"), 13, 4, 6)
        await engine.tell(Patient.at("a"), 5)
        await engine.advance(0.3)
        assert set(Patient.tried) == {13}
        assert engine.state(Patient.at("a")) == {}
        Patient.cured = True
        await engine.advance(1)
        assert engine.state(Patient.at("a")) == {"seen": [13, 4, 6, 5]}


@F.case("F12", "other addresses are unaffected", Can.ISOLATE)
async def others(start: Start) -> None:
    Bare.cured = False
    async with start(Bare) as engine:
        await engine.tell(Bare.at("a"), 13)
        await engine.tell(Bare.at("bob"), 7)
        assert engine.state(Bare.at("bob")) == {"n": 7}


@F.case(
    "F13",
    "TerminalError, types nobody takes and bytes that can't be decoded go straight to the dead letters",
    Can.ISOLATE,
)
async def straight(start: Start) -> None:
    async with start(Bare) as engine:
        await engine.tell(Bare.at("a"), 1, 14, "x", TypedValue("io.statefun.types/long", b"\xff"), 2)
        assert engine.failures == ["TerminalError", "UnhandledMessageError", "MessageDecodeError"]
        assert engine.state(Bare.at("a")) == {"n": 3}


class Leaving(Entity, typename="conf/leaving-batch", on_failure=Discard()):
    n: int = persisted(default=0)

    @handles(int)
    def go(self, message: int) -> None:
        self.n += message
        self.send(PROBE, self.n)
        if message == 13:
            raise SystemExit


@F.case("F14", "A policy applies to SystemExit as to any failure")
async def leave(start: Start) -> None:
    async with start(Leaving) as engine:
        await engine.tell(Leaving.at("a"), 1, 13, 2, caller=ASKER)
        assert engine.failures == []
        assert engine.state(Leaving.at("a")) == {"n": 3}
        assert [sent.value for sent in engine.sent] == [1, 3]


class Deaf(Entity, typename="conf/deaf", on_failure=DeadLetter("conf/letters", attempts=5)):
    runs: ClassVar[int] = 0
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        Deaf.runs += 1
        self.n += message


@F.case("F15", "a message that can't be decoded, or that no handler takes: the policy applies, with one attempt")
async def one_attempt(start: Start) -> None:
    async with start(Deaf) as engine:
        Deaf.runs = 0
        await engine.tell(Deaf.at("a"), 1, 2.5, TypedValue("io.statefun.types/long", b"\xff"), 2)
        found = [(letter["error_type"], letter["attempts"]) for letter in letters(engine.egress("conf/letters"))]
        assert found == [("UnhandledMessageError", 1), ("MessageDecodeError", 1)]
        assert (engine.state(Deaf.at("a")), Deaf.runs) == ({"n": 3}, 2)


@F.case("F16", "state that can't be read fails the batch whatever the policy")
async def unreadable(start: Start) -> None:
    async with start(Deaf) as engine:
        engine.put_state(Deaf.at("a"), "n", TypedValue("io.statefun.types/long", b"\xff"))
        await engine.tell(Deaf.at("a"), 1)
        assert engine.failures == ["StateDecodeError"]
        assert engine.egress("conf/letters") == []


@F.once("F17", "an unknown function type fails the batch whatever the policy", "wire")
async def unknown() -> None:
    status, text = await Client(create_app(Deaf, on_failure=Discard())).body(request(PROBE, 1)).ask()
    assert status == 500
    assert text.startswith(b"UnknownFunctionTypeError")
