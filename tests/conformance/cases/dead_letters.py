"""When a handler fails: dead letters and what is discarded."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from statefun_actors import (
    DeadLetter,
    Discard,
    Entity,
    KafkaRecord,
    Settings,
    TerminalError,
    TypedValue,
    handles,
    persisted,
)
from statefun_actors.admin.control.interface import DeadLetterRetry, Posting
from statefun_actors.admin.control.over_engine import EngineControl
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.cli.commands import run, states, summary, write_lines
from tests.conformance.cases.vocabulary import ASKER, PROBE, Named, letters, logged, working
from tests.conformance.engine import Start
from tests.conformance.sections import FAILURES as F
from tests.dispatch.world import VirtualHost, World


class Guarded(Entity, typename="conf/guarded", on_failure=DeadLetter("conf/letters", attempts=3, backoff=0.001)):
    """13 fails, 14 gives up; others count."""

    runs: ClassVar[int] = 0
    fails: ClassVar[int] = 0
    n: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.n += message
        self.send(PROBE, message)
        if message == 13:
            Guarded.runs += 1
            raise ValueError("thirteen")
        if message == 14:
            Guarded.runs += 1
            raise TerminalError("fourteen")
        if message == 15 and Guarded.fails:
            Guarded.fails -= 1
            raise ValueError

    @handles(Named)
    def named(self, message: Named) -> None:
        raise ValueError(message.text)

    @handles(str, on_failure=Discard(attempts=2))
    def discard(self, message: str) -> None:
        Guarded.runs += 1
        self.n = 1_000
        raise ValueError(message)

    @handles(float, on_failure=DeadLetter("conf/plain", attempts=1, as_value=True))
    def as_value(self, message: float) -> None:
        raise ValueError

    @handles(bool, on_failure=DeadLetter("conf/letters", attempts=1, topic="bin"))
    def topic(self, message: bool) -> None:
        raise ValueError


ADA = Guarded.at("ada")


@F.case("F18", "DeadLetter: a message is tried in place, attempts times in all")
async def attempts(start: Start) -> None:
    async with start(Guarded) as engine:
        Guarded.runs = 0
        await engine.tell(ADA, 13)
        assert Guarded.runs == 3
        assert letters(engine.egress("conf/letters"))[0]["attempts"] == 3


@F.case("F19", "a message that succeeds at a later attempt has happened once")
async def later(start: Start) -> None:
    async with start(Guarded) as engine:
        Guarded.fails = 2
        await engine.tell(ADA, 1, 15, 2)
        assert engine.state(ADA) == {"n": 18}
        assert [sent.value for sent in engine.sent] == [1, 15, 2]
        assert engine.egress("conf/letters") == []


class Patient(Entity, typename="conf/patient-letters", on_failure=DeadLetter("conf/letters", attempts=4, backoff=0.25)):
    @handles(int)
    def go(self, message: int) -> None:
        raise ValueError


@F.once("F20", "between attempts there is a backoff, which doubles")
async def backoff() -> None:
    host = VirtualHost()
    await World(Patient, host=host).done(1)
    assert host.waits == [0.25, 0.5, 1.0]


@F.case("F21", "then it is undone for good, one record goes to the egress, and the rest of the batch goes on")
async def undone(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 1, 13, 2)
        assert engine.state(ADA) == {"n": 3}
        assert [sent.value for sent in engine.sent] == [1, 2]
        assert len(engine.egress("conf/letters")) == 1


@F.case("F22", "one batch spends at most its retry budget in backoffs; then its failing messages get no more attempts")
async def budget(start: Start) -> None:
    async with start(Guarded, settings=Settings(retry_budget=0.004)) as engine:
        await engine.tell(ADA, 13, 13, 13)  # 1 + 2 ms, then 1 ms, then nothing is left
        assert [letter["attempts"] for letter in letters(engine.egress("conf/letters"))] == [3, 2, 1]


@F.once("F23", "the retry budget is 5 s unless it is set")
def five_seconds() -> None:
    assert Settings().retry_budget == 5


@F.case("F24", "raise TerminalError skips the remaining attempts")
async def terminal(start: Start) -> None:
    async with start(Guarded) as engine:
        Guarded.runs = 0
        await engine.tell(ADA, 14)
        assert Guarded.runs == 1
        [letter] = letters(engine.egress("conf/letters"))
        assert (letter["error_type"], letter["error"], letter["attempts"]) == ("TerminalError", "fourteen", 1)


@F.case("F25", "the record is a Kafka record, its topic the egress name's last part unless given, its key ns/name/id")
async def record(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 13, True)
        found = [
            (record.topic, record.key) for record in engine.egress("conf/letters") if isinstance(record, KafkaRecord)
        ]
        assert (found if engine.orders_topics else sorted(found, reverse=True)) == [
            ("letters", "conf/guarded/ada"),
            ("bin", "conf/guarded/ada"),
        ]


@F.case("F26", "its value is JSON: function_type, id, caller, typename, value, error_type, error, attempts, time")
async def value(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, Named("why", [1]), caller=ASKER)
        [letter] = letters(engine.egress("conf/letters"))
        assert datetime.fromisoformat(letter.pop("time")).utcoffset() == timedelta(0)
        assert letter == {
            "function_type": "conf/guarded",
            "id": "ada",
            "caller": "probe/asker/1",
            "typename": "conf/named",
            "value": {"text": "why", "numbers": [1]},
            "error_type": "ValueError",
            "error": "why",
            "attempts": 3,
        }


@F.case("F27", "caller is null where there is none; value_base64 stands for what has no JSON form")
async def without(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, TypedValue("their/own", b"\xff"))
        [letter] = letters(engine.egress("conf/letters"))
        assert letter["caller"] is None
        assert "value" not in letter
        assert letter["value_base64"] == "/w=="


@F.case("F28", "as_value=True sends it as a bare statefun-actors/dead-letter value")
async def bare(start: Start) -> None:
    async with start(Guarded) as engine:
        await engine.tell(ADA, 0.5)
        [value] = engine.egress("conf/plain")
        assert isinstance(value, TypedValue)
        assert value.typename == "statefun-actors/dead-letter"
        assert b'"function_type":"conf/guarded"' in value.value


@F.once("F29", "embedded, it is also listed among the store's dead letters, and can be retried", "embedded")
async def listed() -> None:
    store = MemoryStore()
    engine = Engine(Application(Guarded), store, ManualClock())
    async with working(engine):
        Guarded.fails = 3
        await EngineControl(engine).send([Posting(ADA, pack(15))])
        await engine.settled()
        [entry] = store.dead_letters()
        assert (entry.error_type, entry.attempts) == ("ValueError", 3)
        await EngineControl(engine).retry([DeadLetterRetry(entry.seq)])
        await engine.settled()
        assert list(store.dead_letters()) == []
        assert engine.view.state(ADA) == {"n": pack(15)}


APP = """
from pathlib import Path
from statefun_actors import DeadLetter, Entity, handles, persisted

class Moody(Entity, typename="conf/moody", on_failure=DeadLetter("conf/letters", attempts=1)):
    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> None:
        if not Path("cured").exists():
            raise ValueError("not yet")
        self.n += message
"""


@F.once("F30", "statefun-actors dead-letters lists them, and has them tried again", "embedded")
def by_command() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(APP)
        write_lines(folder / "in.jsonl", {"to": "conf/moody/a", "value": 5})
        summary("app.py", "--input", "in.jsonl", "--until-idle", folder=folder)
        letter = json.loads(run("dead-letters", "list", "app.py", "--json", folder=folder).stdout)
        (folder / "cured").touch()
        retried = run("dead-letters", "retry", "app.py", str(letter["number"]), folder=folder)
        summary("app.py", "--input", "in.jsonl", "--until-idle", folder=folder)
        found = states(folder / ".statefun" / "app.db")
    assert (letter["error_type"], letter["error"]) == ("ValueError", "not yet")
    assert retried.returncode == 0, retried.stderr
    assert found == {"conf/moody/a": {"n": 5}}


@F.case("F31", "Discard(attempts=): after its attempts the message is logged and dropped, the rest goes on")
async def discarded(start: Start) -> None:
    async with start(Guarded) as engine:
        Guarded.runs = 0
        with logged("statefun_actors.dispatch") as lines:
            await engine.tell(ADA, 1, "no", 2)
        assert (engine.state(ADA), Guarded.runs) == ({"n": 3}, 2)
        assert engine.egress("conf/letters") == []
        assert len(lines) == 1
        assert "discarded" in lines[0]
        assert lines[0].endswith("after 2 attempts: ValueError: no")


@F.once("F32", "dispatch reaches time by its Host alone; a test's host advances virtual time over backoffs by itself")
async def virtual() -> None:
    async with TestRuntime(Patient) as runtime:
        before = runtime.clock.now
        await runtime.tell(Patient.at("a"), 1)
        await runtime.settled()
        assert runtime.clock.now - before == timedelta(seconds=1.75)
        assert [letter.attempts for letter in runtime.dead_letters] == [4]
