"""One handler task runs many batches, as long as no batch can notice that."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest

from statefun_actors.dispatch import HandlerTask, in_handler_task, run_without_task, start_handler_task

SET: ContextVar[str] = ContextVar("SET", default="nothing")


def own_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert isinstance(task, HandlerTask)
    task.steps.runs_handlers = True  # as dispatch does
    return task


async def identity() -> int:
    return id(own_task())


def ended(work: Any) -> Any:
    results: list[Any] = []

    async def keep_result() -> None:
        results.append(await work)

    assert start_handler_task(keep_result()) is None
    return results[0]


async def test_batches_that_end_in_their_first_step_share_a_task_that_the_event_loop_does_not_know() -> None:
    assert ended(identity()) == ended(identity())
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_batch_inside_another_has_a_task_of_its_own() -> None:
    async def outer() -> bool:
        inner: int = ended(identity())
        return inner != id(own_task())

    assert ended(outer())


KEPT: list[Any] = []


def keep(task: asyncio.Task[Any]) -> None:
    KEPT.append(task)


def keep_weakly(task: asyncio.Task[Any]) -> None:
    KEPT.append(weakref.ref(task))


def call_back(task: asyncio.Task[Any]) -> None:
    task.add_done_callback(KEPT.append)


def rename(task: asyncio.Task[Any]) -> None:
    task.set_name("mine")


def give_attribute(task: asyncio.Task[Any]) -> None:
    task.request = 1  # type: ignore[attr-defined]


def cancel_and_uncancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    task.uncancel()


@pytest.mark.parametrize(
    "change",
    [keep, keep_weakly, call_back, rename, give_attribute, cancel_and_uncancel],
    ids=lambda each: each.__name__,
)
async def test_no_other_batch_runs_in_a_task_that_a_batch_changed_or_kept(
    change: Callable[[asyncio.Task[Any]], None],
) -> None:
    KEPT.clear()

    async def work() -> str:
        change(own_task())
        return "done"

    async def look() -> None:
        task = own_task()
        assert task not in [each() if isinstance(each, weakref.ref) else each for each in KEPT]
        assert (task.get_name(), hasattr(task, "request")) == ("statefun-actors handler", False)
        await asyncio.sleep(0)  # a cancellation would be raised here

    assert ended(work()) == "done"
    await start_handler_task(look())  # type: ignore[misc]


async def test_a_task_that_a_batch_kept_ends_as_the_batch_did() -> None:
    KEPT.clear()

    async def work(error: Exception | None) -> str:
        keep(own_task())
        if error is not None:
            raise error
        return "done"

    ended(work(None))
    with pytest.raises(ValueError, match="bad"):
        ended(work(ValueError("bad")))

    assert await KEPT[0] is None
    with pytest.raises(ValueError, match="bad"):
        await KEPT[1]


async def test_context_variables_that_a_batch_sets_are_its_own_at_each_step() -> None:
    async def work(value: str, *, suspends: bool) -> list[str]:
        seen = [SET.get()]
        SET.set(value)
        if suspends:
            await asyncio.sleep(0)
        return [*seen, SET.get(), await asyncio.create_task(read()) if suspends else value]

    async def read() -> str:
        return SET.get()

    assert ended(work("a", suspends=False)) == ["nothing", "a", "a"]
    task = start_handler_task(work("b", suspends=True))
    assert isinstance(task, HandlerTask)
    assert task.get_context()[SET] == "b"
    assert ended(work("c", suspends=False)) == ["nothing", "c", "c"]
    assert await task == ["nothing", "b", "b"]
    assert SET.get() == "nothing"


async def test_a_batch_that_suspends_keeps_the_task_of_its_first_step() -> None:
    async def work() -> bool:
        before = own_task()
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            return asyncio.current_task() is before and before in asyncio.all_tasks()
        return False

    ended(identity())
    assert await start_handler_task(work())  # type: ignore[misc]


async def test_a_cancellation_in_the_first_step_reaches_what_the_batch_awaits_next() -> None:
    async def work() -> bool:
        child = asyncio.create_task(asyncio.Event().wait())
        own_task().cancel()
        try:
            await child
        except asyncio.CancelledError:
            return child.cancelled()
        return False

    assert await start_handler_task(work())  # type: ignore[misc]


async def test_a_cancellation_in_the_first_step_reaches_a_bare_yield() -> None:
    async def work() -> str:
        own_task().cancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "cancelled"
        return "went on"

    assert await in_handler_task(work()) == "cancelled"


def test_an_event_loop_that_closes_with_an_idle_task_reports_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> int:
        result: int = ended(identity())
        return result

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
        asyncio.run(main())
    assert [record for record in caplog.records if "Task" in record.getMessage()] == []


def test_the_event_loops_of_many_threads_run_suspended_batches_at_the_same_time() -> None:
    async def work() -> int:
        total = 0
        for number in range(200):
            await asyncio.sleep(0)
            total += number
        return total

    async def main() -> list[int]:
        return await asyncio.gather(*(in_handler_task(work()) for _ in range(10)))

    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(asyncio.run, main()) for _ in range(8)]
        assert [each.result(30) for each in found] == [[19_900] * 10] * 8


async def test_a_run_without_a_task_may_be_in_another_one_or_in_a_callback() -> None:
    """Python 3.12 raises KeyError if no task is to be the current one, and none is."""

    def current() -> asyncio.Task[Any] | None:
        return run_without_task(asyncio.current_task)

    def suspended() -> asyncio.Task[Any] | None:
        return start_handler_task(asyncio.sleep(0))

    task = asyncio.current_task()
    assert run_without_task(current) is None
    started = run_without_task(suspended)
    assert asyncio.current_task() is task
    assert started is not None
    await started

    found = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: found.set_result(current()))
    assert await asyncio.wait_for(found, 30) is None
