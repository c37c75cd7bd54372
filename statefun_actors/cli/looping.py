"""Runs the event loop of a command, which it shares with the code of the application."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any as Untyped
from typing import Final, TypeVar

import click

from statefun_actors.interrupts import owning_process
from statefun_actors.own_logger import own_logger
from statefun_actors.system import end_tasks, loop_errors, wait_for_threads
from statefun_actors.text import describe_error, describe_type

T = TypeVar("T")
logger: Final = own_logger("statefun_actors")


class LoopEndedError(click.ClickException):
    """Code of the application cancelled all tasks of the event loop, those of the command included."""

    def __init__(self, then: str) -> None:
        how = "by cancelling tasks that are not its own"
        super().__init__(f"code of the application ended the event loop {how}. {then}")


def in_a_loop(work: Coroutine[Untyped, Untyped, T], then: str) -> T:
    """Run *work* in a new event loop, which continues if code of the application stops it; return the result.

    It does not return before the threads of handlers have ended, except of those that were given up. Tasks that
    code of the application left running are cancelled, and cut off if they go on.

    Code stops a loop by ``loop.stop()``, or by SystemExit or KeyboardInterrupt in a callback or a task. Each kind is
    logged once.

    Args:
        work: the work of the command.
        then: the consequence for the user if *work* itself is cancelled; a sentence.

    Raises:
        LoopEndedError: code of the application cancelled *work*.
        KeyboardInterrupt: Ctrl-C, while it was not handled.
        Exception: *work* raised it.
    """
    logged_ways: set[str] = set()
    with contextlib.ExitStack() as ending:
        ending.callback(wait_for_threads)
        runner = ending.enter_context(asyncio.Runner())
        ending.enter_context(owning_process())
        loop = runner.get_loop()
        loop.set_exception_handler(loop_errors())
        task = loop.create_task(work)
        while True:
            try:
                result = loop.run_until_complete(task)
                loop.run_until_complete(end_tasks())
                return result
            except asyncio.CancelledError:
                raise LoopEndedError(then) from None
            except BaseException as error:
                if task.done() or not _by_the_application(error):
                    raise
                how = _how(error)
            if how not in logged_ways:
                logged_ways.add(how)
                logger.warning("code of the application stopped the event loop %s; it goes on (logged once)", how)


def _by_the_application(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    return isinstance(error, RuntimeError | SystemExit)  # asyncio raises a RuntimeError after loop.stop()


def _how(error: BaseException) -> str:
    if isinstance(error, RuntimeError):
        return "by loop.stop()"
    name, text = describe_type(error), describe_error(error)
    return f"by {name}{f': {text}' if text != f'{name}()' else ''}, in a callback or a task"
