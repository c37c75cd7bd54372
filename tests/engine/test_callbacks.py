"""A sink, or a caller, that raises anything at all: the engine goes on, and all others get what is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from statefun_actors.engine import Engine, Sink
from statefun_actors.ingress import Answer, AnswerLost, Handled, IngressMessage, NotTaken, Taken, Wait
from statefun_actors.interrupts import owning_process
from statefun_actors.types import pack
from tests.engine.engines import HeldStore, failing_egress, running, until
from tests.engine.sinks import OUT, ListSink, Teller
from tests.types.raising import RAISED, leave

ALL = pytest.mark.parametrize("raised", list(RAISED))
FAILED = "the callback of a call raised an error: {}: no setting"


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        yield


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("statefun_actors.engine")]


@ALL
async def test_a_sink_is_logged_once_and_run_again(raised: str, caplog: pytest.LogCaptureFixture) -> None:
    sink = ListSink()
    sink.broken = RAISED[raised]("no setting")
    async with running(Teller, sinks={OUT: sink}) as engine:
        engine.take(IngressMessage(Teller.at("a"), pack(1)), lambda _: None)
        await until(lambda: sink.runs > 1 and failing_egress(engine) == {OUT: f"{raised}: no setting"})
        sink.broken = None
        await until(lambda: sink.values == [1])
        await until(lambda: not failing_egress(engine))

    assert logged(caplog) == [
        f"egress {OUT} can't be written, its records are kept: {raised}: no setting",
        f"egress {OUT} is written again, and nothing is left",
    ]


def take_three(engine: Engine, first: Callable[[Answer], Any], **options: Any) -> list[Answer]:
    """Take three messages; *first* gets the answer to the first. Returns those to the others, once they come."""
    answers: list[Answer] = []
    for number, on_answer in enumerate((first, answers.append, answers.append)):
        key = options.get("key")
        message = IngressMessage(
            Teller.at(str(number)), pack(1), wait=options["wait"], key=None if key is None else f"{key}{number}"
        )
        engine.take(message, on_answer)
    return answers


@ALL
@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"wait": Wait.HANDLED}, Handled()),
        ({"wait": Wait.TAKEN}, Taken()),
        ({"wait": Wait.HANDLED, "key": "k"}, Handled()),
        ({"wait": Wait.TAKEN, "key": "k"}, Taken()),
    ],
)
async def test_a_caller_that_can_not_be_told_keeps_no_other_waiting(
    options: dict[str, Any], answer: Answer, raised: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = HeldStore()
    async with running(Teller, store=store) as engine:
        store.let_go.clear()
        answers = take_three(engine, lambda _: leave(raised), **options)
        store.let_go.set()
        await until(lambda: len(answers) == 2)
        again = take_three(engine, lambda _: None, **options)
        await until(lambda: len(again) == 2)

    assert answers == again == [answer, answer]
    assert logged(caplog) == [FAILED.format(raised)]


@ALL
@pytest.mark.parametrize("wait", [Wait.HANDLED, Wait.TAKEN])
async def test_so_it_is_when_the_store_fails(wait: Wait, raised: str, caplog: pytest.LogCaptureFixture) -> None:
    store = HeldStore()
    async with running(Teller, store=store) as engine:
        store.let_go.clear()
        answers = take_three(engine, lambda _: leave(raised), wait=wait)
        store.fail = True
        store.let_go.set()
        await until(lambda: len(answers) == 2)
        store.fail = False

    assert all(isinstance(answer, NotTaken | AnswerLost) for answer in answers)
    assert FAILED.format(raised) in logged(caplog)


class Unresumable(ListSink):
    def resume(self, position: str | None) -> str | None:
        raise RuntimeError("no such place")


async def test_an_error_of_the_engine_itself_after_a_commit_ends_it() -> None:
    sinks: dict[str, Sink] = {}

    async def run() -> None:
        async with running(Teller, sinks=sinks) as engine:
            sinks[OUT] = Unresumable()
            engine.take(IngressMessage(Teller.at("a"), pack(1)), lambda _: None)
            await until(lambda: engine._core.stopping)

    with pytest.raises(RuntimeError, match=r"^no such place$"):
        await run()


async def test_a_sink_whose_task_is_cancelled_by_the_event_loop_is_not_run_again() -> None:
    sink = ListSink(open=False)
    async with running(Teller, sinks={OUT: sink}) as engine:
        engine.take(IngressMessage(Teller.at("a"), pack(1)), lambda _: None)
        await until(lambda: sink.most_held)
        tasks = engine._core.working_set.outbox._tasks
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

        assert (sink.runs, [task.cancelled() for task in tasks]) == (1, [True])
