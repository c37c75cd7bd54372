"""Handlers that exit or cancel, under the test kit: the test gets the error, and never hangs."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from statefun_actors import DeadLetter, Entity, HandlerExitError, handles, message, persisted
from statefun_actors.testing import TestRuntime, given
from statefun_actors.types import pack
from tests.engine.engines import send

SOON = 30
RUNNING: dict[str, asyncio.Task[Any]] = {}


@message("test/do")
class Do:
    what: str


class Job(Entity, typename="test/job"):
    starts: ClassVar[int] = 0
    begun: ClassVar[asyncio.Event]
    done: int = persisted(default=0)

    @handles(Do)
    async def do(self, message: Do) -> int:
        Job.starts += 1
        Job.begun.set()
        task = asyncio.current_task()
        assert task is not None
        RUNNING[self.id] = task
        match message.what:
            case "cancel":
                task.cancel()
                await asyncio.sleep(0)
            case "cancel and return":
                task.cancel()
            case "wait":
                await asyncio.Event().wait()
            case "exit":
                sys.exit(3)
            case "interrupt":
                raise KeyboardInterrupt
            case "interrupt later":
                await asyncio.sleep(0)
                raise KeyboardInterrupt
            case _:
                pass
        self.done += 1
        return self.done


class Policed(Job, typename="test/policed", on_failure=DeadLetter("test/dead", attempts=2)):
    pass


class Desk(Entity, typename="test/desk"):
    """Keeps no state; it cancels the running task."""

    @handles(str)
    def stop(self, message: str) -> None:
        RUNNING[message].cancel()

    @handles(int)
    def cancel_whatever_runs(self, message: int) -> int:
        task = asyncio.current_task()
        if task is not None:
            task.cancel()
        return message


@pytest.fixture(autouse=True)
def _nothing_runs() -> None:
    RUNNING.clear()
    Job.starts, Job.begun = 0, asyncio.Event()


@pytest.mark.parametrize("what", ["cancel", "cancel and return", "exit"])
async def test_a_handler_that_cancels_its_own_task_or_exits_has_failed_and_waits_for_its_next_attempt(
    what: str,
) -> None:
    async with asyncio.timeout(SOON), TestRuntime(Job) as runtime:
        with pytest.raises(HandlerExitError, match=r"^Job.do raised "):
            await runtime.ask(Job.at("a"), Do(what), int)
        assert Job.starts == 1
        with pytest.raises(HandlerExitError):
            await runtime.clock.advance(0.1)

        assert Job.starts == 2
        assert await runtime.ask(Job.at("b"), Do("work"), int) == 1


@pytest.mark.parametrize("what", ["cancel", "cancel and return", "exit"])
async def test_its_policy_applies(what: str) -> None:
    async with asyncio.timeout(SOON), TestRuntime(Policed) as runtime:
        await runtime.tell(Policed.at("a"), Do(what))

        assert [(letter.error_type, letter.attempts) for letter in runtime.dead_letters] == [("HandlerExitError", 2)]
        assert await runtime.ask(Policed.at("a"), Do("work"), int) == 1


async def test_a_task_that_another_handler_cancels_has_failed() -> None:
    async with asyncio.timeout(SOON), TestRuntime(Policed, Desk) as runtime:
        telling = [asyncio.create_task(runtime.tell(Policed.at("a"), Do("wait")))]
        for _ in range(2):
            await Job.begun.wait()
            Job.begun.clear()
            telling.append(asyncio.create_task(runtime.tell(Desk.at("d"), "a")))
        await asyncio.gather(*telling)

        assert [(letter.error_type, letter.attempts) for letter in runtime.dead_letters] == [("HandlerExitError", 2)]


async def test_a_plain_handler_has_no_task_to_cancel() -> None:
    async with asyncio.timeout(SOON), TestRuntime(Desk) as runtime:
        assert await runtime.ask(Desk.at("d"), 1, int) == 1
        assert await runtime.ask(Desk.at("d"), 2, int) == 2


@pytest.mark.parametrize("entity", [Job, Policed])
@pytest.mark.parametrize("what", ["interrupt", "interrupt later"])
async def test_a_keyboard_interrupt_undoes_its_batch_and_goes_on_to_who_waits(entity: type[Job], what: str) -> None:
    async with asyncio.timeout(SOON), TestRuntime(entity) as runtime:
        with pytest.raises(KeyboardInterrupt):
            await runtime.ask(entity.at("a"), Do(what), int)

        assert (runtime.state(entity.at("a")).done, runtime.dead_letters) == (0, [])
        assert await runtime.ask(entity.at("b"), Do("work"), int) == 1


async def test_an_error_without_a_waiting_call_leaves_the_block() -> None:
    async def run() -> None:
        async with asyncio.timeout(SOON), TestRuntime(Job) as runtime:
            send(runtime.engine, Job.at("a"), pack(Do("interrupt")))
            await Job.begun.wait()

    with pytest.raises(KeyboardInterrupt):
        await run()


@pytest.mark.parametrize("what", ["cancel", "cancel and return", "exit"])
def test_given_raises_it(what: str) -> None:
    with pytest.raises(HandlerExitError, match=r"^Job.do raised "):
        given(Job, "a").when(Do(what))

    assert len(given(Policed, "a").when(Do(what)).dead_letters) == 1


async def test_given_in_an_event_loop_raises_it() -> None:
    with pytest.raises(HandlerExitError):
        given(Job, "a").when(Do("cancel"))
    with pytest.raises(KeyboardInterrupt):
        given(Policed, "a").when(Do("interrupt"))


async def test_time_can_be_moved_on_after_an_interrupt() -> None:
    async with asyncio.timeout(SOON), TestRuntime(Job) as runtime:
        with pytest.raises(KeyboardInterrupt):
            await runtime.tell(Job.at("a"), Do("interrupt later"))
        with pytest.raises(KeyboardInterrupt):
            await runtime.clock.advance(timedelta(seconds=1))
