"""Clocks with one mistake each, which the checks of clocks must find."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from statefun_actors.engine import ManualClock, SystemClock, at_ms, to_ms


class WrongClock(SystemClock):
    """The wall clock, with a mistake."""

    def __init__(self, mistake: str) -> None:
        self.mistake, self.reads = mistake, 0
        self.cancel_last: Callable[[], None] = lambda: None

    def token(self) -> str:
        token = super().token()
        match self.mistake:
            case "repeats a token":
                return "0123456789abcdef" * 2
            case "short tokens":
                return token[:16]
            case "tokens of 64 bits":
                return token[:16].zfill(32)
            case _:
                return token

    def now_ms(self) -> int:
        self.reads += 1
        match self.mistake:
            case "local time":
                return to_ms(datetime.now().replace(tzinfo=UTC))  # noqa: DTZ005 - the mistake
            case "seconds":
                return int(time.time())
            case "fractions":
                return time.time() * 1000  # type: ignore[return-value] # the mistake
            case "goes back":
                return super().now_ms() - self.reads % 2 * 20
            case _:
                return super().now_ms()

    async def sleep(self, seconds: float) -> None:
        match self.mistake:
            case "sleeps milliseconds":
                await super().sleep(seconds / 1000)
            case "sleeps a thousand times as long":
                await super().sleep(seconds * 1000)
            case "blocks":
                time.sleep(min(seconds, 0.1))  # noqa: ASYNC251 - the mistake
            case "blocks after a turn":
                await asyncio.sleep(0)
                time.sleep(min(seconds, 0.1))  # noqa: ASYNC251 - the mistake
            case "sleeps on":
                with contextlib.suppress(asyncio.CancelledError):
                    await super().sleep(seconds)
                await super().sleep(seconds)
            case "ends without CancelledError":
                with contextlib.suppress(asyncio.CancelledError):
                    await super().sleep(seconds)
            case "has a longest wait":
                if seconds > 60:
                    raise RuntimeError("60 s at most")
                await super().sleep(seconds)
            case _:
                await super().sleep(seconds)

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        match self.mistake:
            case "calls twice":
                super().call_at(due_ms, callback)
            case "calls at once":
                return loop.call_soon(callback).cancel
            case "calls in a thread":
                return self._in_a_thread(due_ms, callback)
            case "computes dates":
                return loop.call_later((at_ms(due_ms) - at_ms(self.now_ms())).total_seconds(), callback).cancel
            case "calls late":
                due_ms += 2_000
            case "keeps one call":
                self.cancel_last()
            case _:
                pass
        cancel = self.cancel_last = super().call_at(due_ms, callback)
        return (lambda: None) if self.mistake == "cancels nothing" else cancel

    def _in_a_thread(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        timer = threading.Timer(max(0, due_ms - self.now_ms()) / 1000, callback)
        timer.start()
        return timer.cancel


class WrongManualClock(ManualClock):
    """A clock that is set by hand, with a mistake."""

    MISTAKES: ClassVar = (
        "stands still",
        "calls the last first",
        "calls nothing",
        "calls before it returns",
        "cancels only what is pending",
    )

    def __init__(self, mistake: str) -> None:
        super().__init__()
        self.mistake = mistake

    async def sleep(self, seconds: float) -> None:
        if self.mistake != "stands still":
            await super().sleep(seconds)

    def set_ms(self, now_ms: int) -> None:
        if self.mistake == "calls the last first":
            self._calls = {-number: (self._now_ms, call) for number, (_, call) in self._calls.items()}
        super().set_ms(now_ms)

    def call_at(self, due_ms: int, callback: Callable[[], None]) -> Callable[[], None]:
        if self.mistake == "calls nothing":
            return lambda: None
        if self.mistake == "calls before it returns" and due_ms <= self.now_ms():
            callback()
            return lambda: None
        cancel = super().call_at(due_ms, callback)
        if self.mistake == "cancels only what is pending" and self._calls:
            return functools.partial(self._calls.__delitem__, max(self._calls))
        return cancel
