"""Messages to the reply function that are handled in line leave the same store as those handled in a mailbox.

Two engines run the same script, one of them with an instrument that listens to batches: it handles each message of the
reply function in a batch of its own. After each step of the script both stores have the same rows.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from google.protobuf.any_pb2 import Any
from hypothesis import example, given
from hypothesis import strategies as st

from statefun_actors import (
    Address,
    Context,
    Discard,
    Entity,
    Instrument,
    NoAnswer,
    StatefulFunctions,
    TypedValue,
    answers,
    handles,
    message,
    persisted,
)
from statefun_actors.asking import (
    ANSWER,
    ORDER,
    REPLY,
    Answer,
    Close,
    Expire,
    Open,
    Retries,
    Run,
    Stop,
    answer,
    failed,
    order,
)
from statefun_actors.dispatch import Application, BatchEnded
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import running, send

TIMEOUT: Final = timedelta(seconds=10)
ASKERS: Final = ("a", "b")


@message("inline/question")
class Question:
    """How the target shall answer: now, later, twice, never, or by failing."""

    how: str


class Target(Entity, typename="inline/target"):
    waiting: list[Address] = persisted(factory=list)

    @handles(Question, on_failure=Discard())
    def question(self, message: Question) -> int | None:
        assert self.caller is not None
        match message.how:
            case "twice":
                self.send(self.caller, 1)
                return 2
            case "later":
                self.waiting.append(self.caller)
                return None
            case "fail":
                raise ValueError("broken")
            case "never":
                return None
            case _:
                return 1

    @handles(bool)
    def answer_all(self, twice: bool) -> None:
        for address in self.waiting:
            self.send(address, 3)
        if not twice:
            self.waiting.clear()


class Asker(Entity, typename="inline/asker"):
    got: list[str] = persisted(factory=list)

    @handles(str)
    def go(self, how: str) -> None:
        match how:
            case "nested":
                self.ask(Asker.at(f"{self.id}-inner"), 1, then=self.answered, timeout=TIMEOUT)
            case "address":
                self.reply_address(then=self.answered, timeout=TIMEOUT)
            case "both":
                self.ask(Target.at("t"), Question("now"), then=self.answered, timeout=TIMEOUT)
                self.ask(Target.at("t"), Question("later"), then=self.answered, timeout=TIMEOUT)
            case "hand on":
                mine = self.reply_address(then=self.answered, timeout=TIMEOUT)
                self.ask(mine, Question("now"), then=self.answered, timeout=TIMEOUT)
            case _:
                self.ask(Target.at("t"), Question(how), then=self.answered, timeout=TIMEOUT)

    @handles(int)
    def inner(self, number: int) -> None:
        self.ask(Target.at("t"), Question("now"), then=self.pass_on, timeout=TIMEOUT)

    @answers
    def pass_on(self, answer: int | NoAnswer) -> int:
        return -1 if isinstance(answer, NoAnswer) else answer

    @answers
    def answered(self, answer: Any | NoAnswer) -> None:
        self.got.append(answer.reason if isinstance(answer, NoAnswer) else answer.type_url)


functions = StatefulFunctions()


@functions.bind("inline/forger")
def forger(context: Context, message: Any) -> None:
    """Sends the message to the reply function at its own id."""
    if message.type_url == "inline/forged":
        typename, _, data = message.value.partition(b"|")
        context.send(REPLY, context.address.id, TypedValue(typename.decode(), data))


OPEN: Final = Open(("inline/forger", "run:"), "answered", None, None, 5_000, 1, ("inline/target", "t"), ("x/y", b""))
FORGED: Final = [
    order(Close("cancelled")),
    order(Expire()),
    order(Retries()),
    order(Stop()),
    order(OPEN),
    order(Run("0" * 32, OPEN)),
    TypedValue(ORDER, b"rubbish"),
    answer(Answer("answered", None, None, ("x/y", b""))),
    TypedValue(ANSWER, b""),
    failed("it broke"),
    pack(7),
]


class _Listens(Instrument):
    def batch_ended(self, event: BatchEnded) -> None:
        pass


class _Run:
    """One engine, its clock and its store."""

    def __init__(self, *instruments: Instrument) -> None:
        self.clock, self.store = ManualClock(seed=1), MemoryStore()
        self.app = Application(Asker, Target, functions, instruments=instruments)

    def tokens(self) -> list[str]:
        return [row.address.id for row in self.store.entities(REPLY)]

    async def step(self, engine: Engine, step: tuple[str, int, int]) -> None:
        kind, first, second = step
        tokens = self.tokens()
        token = tokens[first % len(tokens)] if tokens else "0" * 32
        match kind:
            case "wait":
                self.clock.set_ms(self.clock.now_ms() + first * 1_000)
                engine.wake()
            case "release":
                send(engine, Target.at("t"), pack(bool(first % 2)))
            case "forge":
                value = FORGED[second % len(FORGED)]
                forged = TypedValue("inline/forged", value.typename.encode() + b"|" + value.value)
                send(engine, Address("inline/forger", token), forged)
            case "open":
                # An ask of the forger, of the target or of its own reply address.
                target = (REPLY, token) if second % 2 else ("inline/target", "t")
                question = pack(Question("now"))
                opening = Open(
                    ("inline/forger", token), "x", None, None, 5_000, 1, target, (question.typename, question.value)
                )
                data = b"statefun-actors/order|" + order(opening).value
                send(engine, Address("inline/forger", token), TypedValue("inline/forged", data))
            case "outside":
                send(engine, Address(REPLY, token), pack(5))
            case _:
                send(engine, Asker.at(ASKERS[first % 2]), pack(kind))

    def contents(self) -> object:
        """All that the store has, without the numbers of messages."""
        store = self.store
        timers = sorted(
            (timer.due_ms, timer.target, timer.value.typename, timer.value.value, timer.caller, timer.token)
            for timer in store.timers_after(-1, 0, 1_000)
        )
        rows = [row for name in (REPLY, "inline/asker", "inline/target") for row in store.entities(name)]
        messages = [(each.target, each.value, each.caller) for each in store.messages()]
        letters = [(each.message.target, each.message.value, each.error_type) for each in store.dead_letters()]
        return timers, rows, messages, letters


_WAYS: Final = ["now", "twice", "later", "never", "fail", "nested", "address", "both", "hand on"]
_STEP: Final = st.tuples(
    st.sampled_from([*_WAYS, "wait", "wait", "release", "forge", "forge", "open", "outside"]),
    st.integers(0, 6),
    st.integers(0, 10),
)


@given(st.lists(_STEP, min_size=1, max_size=15))
@example([("never", 0, 0), ("never", 1, 0), ("forge", 0, 0), ("wait", 10, 0)])
@example([("later", 0, 0), ("release", 1, 0), ("release", 0, 0), ("later", 1, 0), ("wait", 10, 0), ("release", 0, 0)])
@example([("hand on", 0, 0), ("both", 0, 0), ("address", 0, 0), ("outside", 0, 0), ("outside", 0, 0)])
@example([("open", 0, 1), ("wait", 10, 0), ("open", 0, 0)])
@example([("forge", 0, number) for number in range(len(FORGED))])
def test_a_script_of_asks_leaves_the_same_store(script: list[tuple[str, int, int]]) -> None:
    async def work() -> None:
        inline, batches = _Run(), _Run(_Listens())
        async with (
            running(app=inline.app, store=inline.store, clock=inline.clock) as one,
            running(app=batches.app, store=batches.store, clock=batches.clock) as other,
        ):
            for step in script:
                for run, engine in ((inline, one), (batches, other)):
                    await run.step(engine, step)
                    await engine.settled()
                assert inline.contents() == batches.contents()
                assert one.view.counters == other.view.counters

    asyncio.run(work())
