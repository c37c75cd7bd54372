"""The first step of a coroutine by a plain call, as by ``send``: results, errors, and what goes on after it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import threading
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

from statefun_actors.dispatch import Paused, first_step, resumed


async def result_of(value: object) -> object:
    return value


async def slept(value: object) -> object:
    await asyncio.sleep(0)
    return value


class Held:
    """Something that can be weakly referred to."""


@pytest.mark.parametrize("value", [None, 0, "text", (), StopIteration(1)])
def test_a_coroutine_that_ends_gives_its_result(value: object) -> None:
    assert first_step(result_of(value)) is value
    assert first_step(result_of(value)) is value


def test_nothing_is_kept_of_a_coroutine_that_has_ended() -> None:
    held = Held()
    work = result_of(held)
    gone: list[weakref.ref[Any]] = [weakref.ref(held), weakref.ref(work)]

    assert first_step(work) is held
    del held, work
    gc.collect()

    assert [each() for each in gone] == [None, None]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), GeneratorExit()])
def test_the_error_of_a_coroutine_is_raised_and_hurts_no_later_one(error: BaseException) -> None:
    async def failing() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        first_step(failing())

    assert raised.value is error
    assert first_step(result_of(1)) == 1


async def test_a_coroutine_that_suspends_goes_on_while_others_begin() -> None:
    begun: list[Paused[object]] = []
    for value in range(3):
        paused = first_step(slept(value))
        assert isinstance(paused, Paused)
        begun.append(paused)
        assert first_step(result_of("between")) == "between"

    ended = [await resumed(each.rest, each.pending) for each in reversed(begun)]

    assert ended == [2, 1, 0]


def test_a_first_step_may_be_taken_inside_of_another() -> None:
    async def outer(depth: int) -> int:
        inner: Coroutine[Any, Any, int] = outer(depth - 1)
        if depth == 0:
            inner.close()
            return 0
        found = first_step(inner)
        assert not isinstance(found, Paused)
        return found + 1

    assert first_step(outer(5)) == 5


async def test_a_cancellation_reaches_the_coroutine() -> None:
    seen: list[str] = []

    async def stubborn() -> str:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            return "ended"
        return "slept"

    paused = first_step(stubborn())
    assert isinstance(paused, Paused)

    async def awaits() -> str:
        return await resumed(paused.rest, paused.pending)

    task = asyncio.create_task(awaits())
    await asyncio.sleep(0)
    task.cancel()

    assert await task == "ended"
    assert seen == ["cancelled"]


async def test_a_paused_coroutine_that_is_dropped_is_closed() -> None:
    seen: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            seen.append("closed")

    paused = first_step(waits())
    assert isinstance(paused, Paused)
    del paused
    gc.collect()

    assert seen == ["closed"]
    assert first_step(result_of(1)) == 1


def test_a_result_is_not_given_to_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs: list[object] = []
    arrived, released = threading.Event(), threading.Event()

    class Switching(list[Any]):
        """Another thread takes the generator as soon as it is idle, and stops where it makes it idle again."""

        def append(self, item: object, /) -> None:
            super().append(item)
            if threading.current_thread() is other:
                arrived.set()
                released.wait(30)
            else:
                other.start()
                arrived.wait(30)

    other = threading.Thread(target=lambda: theirs.append(first_step(result_of("theirs"))))
    module = importlib.import_module("statefun_actors.dispatch.first_step")  # the package has its function of that name
    monkeypatch.setattr(module, "_idle", Switching())

    ours = first_step(result_of("ours"))
    released.set()
    other.join()

    assert (ours, theirs) == ("ours", ["theirs"])


def test_threads_take_first_steps_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=30)
    wrong: list[object] = []

    async def meets(value: object) -> object:
        together.wait()
        return value

    def works(number: int) -> None:
        turns = [(number, turn) for turn in range(200)]
        wrong.extend(turn for turn in turns if first_step(meets(turn)) != turn)

    threads = [threading.Thread(target=works, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
