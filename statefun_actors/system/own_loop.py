"""Runs an event loop that the library shares with code of the application, which must not end it.

Code stops a loop by ``loop.stop()``, or by SystemExit or KeyboardInterrupt in a callback or a task: asyncio passes
these out of the loop, even if another task awaits that one. The loop is run again then, and what awaits the task gets
the exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import Final, TypeVar

from statefun_actors.own_logger import own_logger
from statefun_actors.system.left_tasks import end_tasks
from statefun_actors.text import describe_error, describe_type

_T = TypeVar("_T")

logger: Final = own_logger("statefun_actors")

_STOPPED: Final = "Event loop stopped before Future completed."
"""The text of asyncio's RuntimeError after ``loop.stop()``."""


def run_in_own_loop(work: Coroutine[Untyped, Untyped, _T]) -> _T:
    """As ``asyncio.run``, in a loop that code of the application can't end.

    Tasks that it left running are cancelled, and cut off if they go on; calls in the default executor run on.

    Raises:
        RuntimeError: an event loop is running in this thread.
        BaseException: *work* raised it; KeyboardInterrupt also at Ctrl-C, which cancels *work*.
    """
    with asyncio.Runner() as runner:
        loop: Untyped = runner.get_loop()
        with contextlib.suppress(AttributeError):  # a loop written in C
            loop.shutdown_default_executor = _wait_for_no_calls  # closing the loop does not wait for them either
        try:
            return run_until_done(loop, work, lambda task: runner.run(_result(task)))  # Runner.run handles Ctrl-C
        finally:
            run_until_done(loop, end_tasks())


def run_until_done(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Untyped, Untyped, _T],
    run: Callable[[asyncio.Task[_T]], _T] | None = None,
) -> _T:
    """Run *work* in a task of *loop*, and return its result. If code of the application stops the loop, run it again.

    Each kind of stop is logged once.

    Args:
        loop: it does not run.
        work: what to run.
        run: runs the loop until the task is done, and returns its result; ``loop.run_until_complete`` unless given.

    Raises:
        BaseException: *work* raised it; KeyboardInterrupt also at Ctrl-C.
    """
    task, run, logged = loop.create_task(work), run or loop.run_until_complete, set[str]()
    while True:
        try:
            return run(task)
        except BaseException as error:
            if task.done() or not _by_the_application(error):
                raise
            how = _how(error)
        if how not in logged:
            logged.add(how)
            logger.warning("code of the application stopped the event loop %s; it goes on (logged once)", how)


async def _result(task: asyncio.Task[_T]) -> _T:
    return await task


async def _wait_for_no_calls(timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncio's, from 3.12 on
    pass


def _by_the_application(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    return isinstance(error, SystemExit) or _is_stop(error)


def _is_stop(error: BaseException) -> bool:
    return type(error) is RuntimeError and error.args == (_STOPPED,)


def _how(error: BaseException) -> str:
    if _is_stop(error):
        return "by loop.stop()"
    name, text = describe_type(error), describe_error(error)
    return f"by {name}{f': {text}' if text != f'{name}()' else ''}, in a callback or a task"
