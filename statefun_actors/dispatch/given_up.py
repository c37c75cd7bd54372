"""Async handlers that were given up: they were cancelled, went on all the same, and run on in tasks of their own.

Code can catch its cancellation and go on, as a loop with ``except BaseException:`` does. Nothing can end it then. Its
batch no longer waits for it, so that its message fails and other messages are handled. Its subject is over, so what it
does from then on has no effect.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Final

from statefun_actors.dispatch.stepping import Continued
from statefun_actors.interrupts import may_be_ctrl_c
from statefun_actors.own_logger import own_logger
from statefun_actors.system import Throttle, leave, repeats

logger: Final = own_logger("statefun_actors.dispatch")

GRACE_SECONDS: Final = 1.0
"""Seconds in which a handler that was cancelled should end."""
MOST: Final = 1_000
"""Handlers of this process that run on without keeping their places. Each takes some memory."""


class GivenUp:
    """The handlers that were given up and still run.

    Args:
        most: that don't keep their places. Further ones do, until they end.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines = Throttle()

    def add(self, handler: str, seconds: float | None, left: Continued) -> asyncio.Task[None] | None:
        """Let *left* run on in a task of its own.

        Args:
            handler: its name, for the log.
            seconds: its timeout; None if its batch was stopped.
            left: the rest of the handler.

        Returns:
            The task for which its batch must wait; None if it need not.
        """
        task = asyncio.Task(_run_on(left), loop=asyncio.get_running_loop(), name="statefun-actors handler, given up")
        leave(task)
        with self._lock:
            self._tasks.add(task)
            count = len(self._tasks)
            left_out = self._lines.due(handler)
        task.add_done_callback(self._ended)
        if left_out is not None:
            logger.warning(
                "%s: it was cancelled %s, and still ran %g s later, so it was given up: what it changes or sends from "
                "now on has no effect; handlers that run on: %s. Let it, and what it awaits, end on "
                "asyncio.CancelledError: catch Exception, not BaseException%s",
                handler,
                "since its batch was stopped" if seconds is None else f"at its timeout of {seconds:g} s",
                GRACE_SECONDS,
                self._shown(count),
                repeats(left_out),
            )
        return task if count > self._most else None

    def _shown(self, count: int) -> str:
        if count <= self._most:
            return f"{count:,}"
        return f"{count:,}, of which those above {self._most:,} keep their places and their entities until they end"

    def _ended(self, task: asyncio.Task[None]) -> None:
        with self._lock:
            self._tasks.discard(task)


async def _run_on(left: Continued) -> None:
    try:
        await left.until(lambda: False)
    except BaseException as error:
        # Nobody waits for it, and SystemExit would end the event loop.
        if may_be_ctrl_c(error):
            raise


given_up: Final = GivenUp()
"""Those of this process."""
