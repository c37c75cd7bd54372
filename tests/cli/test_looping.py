"""The event loop of a command ends, whatever tasks the application has left in it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from statefun_actors.cli.looping import in_a_loop

SEEN: list[str] = []


async def go_on() -> None:
    for _ in range(2):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            SEEN.append("cancelled")


async def end() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        SEEN.append("ended")


def test_a_task_that_catches_its_cancellation_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("statefun_actors.system.left_tasks._LAST_SECONDS", 0.01)
    SEEN.clear()

    async def work() -> str:
        tasks.extend([asyncio.create_task(go_on()), asyncio.create_task(end())])
        await asyncio.sleep(0)
        return "done"

    tasks: list[asyncio.Task[None]] = []
    with caplog.at_level(logging.WARNING, "statefun_actors"):
        assert in_a_loop(work(), "It is over.") == "done"

    assert SEEN == ["cancelled", "ended"]
    assert [task.done() for task in tasks] == [False, True]
    assert caplog.messages == [
        "go_on still ran 0.01 s after the end of the event loop had cancelled it, and is cut off. Let it end on "
        "asyncio.CancelledError: catch Exception, not BaseException"
    ]
