"""An engine with its services, which give access to it, and its resources, which it uses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from statefun_actors.engine import Engine
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.engine")


class Service(Protocol):
    """Gives others access to a running engine: the HTTP ingress, the control socket."""

    @property
    def serving(self) -> asyncio.Task[None] | None:
        """The task that serves; None without one. It ends by itself only if serving fails."""
        ...

    async def open(self, engine: Engine) -> None:
        """Begin to serve *engine*."""
        ...

    async def refuse(self) -> None:
        """Refuse new messages: the engine is about to stop."""
        ...

    async def close(self) -> None:
        """Stop serving: the engine has stopped, and has given all its answers."""
        ...


class Assembly:
    """One engine with its services and resources.

    Args:
        engine: runs on the event loop on which :meth:`start` is called.
        services: opened once the engine runs, in this order.
        resources: its store, sources, sinks and sockets; :meth:`close` closes them.
        on_death: called with the reason if the engine ends by itself; the reason is also logged.
    """

    def __init__(
        self,
        engine: Engine,
        services: Sequence[Service] = (),
        resources: contextlib.ExitStack | None = None,
        on_death: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.engine = engine
        self._services, self._on_death = services, on_death
        self._resources = resources if resources is not None else contextlib.ExitStack()
        self._opened: list[Service] = []
        self._working: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the engine, then open the services.

        Raises:
            Exception: a service could not be opened; the engine has stopped and the resources are closed by then.
        """
        self._working = asyncio.create_task(self.engine.run())
        self._working.add_done_callback(self._engine_ended)
        try:
            for service in self._services:
                await service.open(self.engine)
                self._opened.append(service)
        except BaseException:
            try:
                await self.stop(0)
            finally:
                self.close()
            raise

    async def ended(self) -> None:
        """Wait until the engine or a service has ended by itself."""
        await asyncio.wait(self._tasks(), return_when=asyncio.FIRST_COMPLETED)

    @property
    def failure(self) -> BaseException | None:
        """Why the engine, or a service, has ended by itself; None while neither has."""
        ended = (task for task in self._tasks() if task.done() and not task.cancelled())
        return next((error for task in ended if (error := task.exception()) is not None), None)

    async def stop(self, drain: float) -> BaseException | None:
        """Give running handlers *drain* seconds to end, commit, and close the services.

        A cancellation ends the drain early.

        Returns:
            Why the engine, or a service, had ended by itself before; None if neither had.
        """
        try:
            for service in self._opened:
                await service.refuse()
            await self._stop_engine(drain)
        except asyncio.CancelledError:
            await self._stop_engine(0)
            raise
        finally:
            for service in self._opened:
                await service.close()
        return self.failure

    def close(self) -> None:
        """Close the resources. The engine has stopped, or its event loop is closed and nothing can be stopped."""
        self._resources.close()

    async def _stop_engine(self, drain: float) -> None:
        working = self._working
        if working is None:
            return
        await self.engine.stop(drain=0 if working.done() else drain)  # the engine has ended
        await asyncio.wait([working])

    def _engine_ended(self, working: asyncio.Task[None]) -> None:
        self.engine.release()
        error = RuntimeError("its task was cancelled") if working.cancelled() else working.exception()
        if error is None:
            return
        if not working.cancelled():
            logger.error("the engine has stopped: %s", error)
        if self._on_death is not None:
            self._on_death(error)

    def _tasks(self) -> list[asyncio.Task[None]]:
        found = [self._working, *(service.serving for service in self._opened)]
        return [task for task in found if task is not None]
