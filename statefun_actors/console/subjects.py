"""What a console is about: one engine, or all partitions of a system."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Protocol

from statefun_actors.admin import Control, EngineControl, EngineState, open_control, running_engine, state_of
from statefun_actors.console.activity import ActivityMeter
from statefun_actors.console.background import Background
from statefun_actors.console.look import Live
from statefun_actors.engine import Engine

_FRESH_SECONDS: Final = 0.5
"""For which the state of all partitions is not asked for again, to see whether something has changed."""


class Subject(Protocol):
    """What a console is about."""

    @property
    def engine(self) -> Engine:
        """The engine whose event loop is used."""
        ...

    @property
    def path(self) -> Path | None:
        """The store. None: it is in memory, and can be read on the event loop only."""
        ...

    async def look(self, *, with_activity: bool = False) -> Live:
        """It as of now."""
        ...

    def version(self) -> object:
        """A value that differs when something has changed that pages show, within a second or two."""
        ...

    async def change(self, check: Callable[[Live], object], change: Callable[[Control], Awaitable[None]]) -> None:
        """Make *change*, unless *check* raises. Raises what both raise."""
        ...

    def close(self) -> None:
        """Release its resources."""
        ...


class EngineSubject:
    """One engine. To be used on its event loop."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.path = engine.store.path
        self._control = EngineControl(engine)
        self._meter = ActivityMeter(engine)

    async def look(self, *, with_activity: bool = False) -> Live:
        return self._look(with_activity=with_activity)

    def version(self) -> object:
        return state_of(self.engine).version

    async def change(self, check: Callable[[Live], object], change: Callable[[Control], Awaitable[None]]) -> None:
        check(self._look())
        await change(self._control)

    def close(self) -> None:
        self._meter.close()

    def _look(self, *, with_activity: bool = False) -> Live:
        activity = self._meter.activity() if with_activity else None
        return Live.of(state_of(self.engine), self.engine.clock.now_ms(), activity)


class PartitionsSubject:
    """All partitions of the store in the folder *path*; *engine* runs one of them.

    Their engines are asked over their control sockets, which this process's engine has, too.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine, self.path = engine, path
        self._background = Background(threads=1)
        self._state = EngineState()
        self._asked = 0.0
        """When the state was asked for last, in seconds of the monotonic clock."""
        self._asking: asyncio.Task[object] | None = None

    async def look(self, *, with_activity: bool = False) -> Live:  # noqa: ARG002 - each engine measures for itself
        return Live.of(await self._ask(), self.engine.clock.now_ms(), None)

    def version(self) -> object:
        """As of the last time that the state was asked for. Asks for it again, for the next call."""
        if self._asking is None and time.monotonic() > self._asked + _FRESH_SECONDS:
            self._asking = asyncio.get_running_loop().create_task(self._ask())
            self._asking.add_done_callback(self._has_asked)
        return self._state.version

    async def change(self, check: Callable[[Live], object], change: Callable[[Control], Awaitable[None]]) -> None:
        """In a thread: a partition that does not run is opened and written."""
        check(await self.look())

        async def changed() -> None:
            control = await open_control(self.path)
            try:
                await change(control)
            finally:
                await control.close()

        await self._background.run(lambda: asyncio.run(changed()))

    def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self._background.close()

    async def _ask(self) -> EngineState:
        self._asked = time.monotonic()
        control = await running_engine(self.path)
        if control is None:
            self._state = EngineState(error="no partition answers")
            return self._state
        try:
            self._state = await control.state()
        finally:
            await control.close()
        return self._state

    def _has_asked(self, asking: asyncio.Task[object]) -> None:
        self._asking = None
        if not asking.cancelled():
            asking.exception()  # the next page shows it
