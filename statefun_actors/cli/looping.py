"""Runs the event loop of a command, which it shares with the code of the application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any as Untyped
from typing import TypeVar

import click

from statefun_actors.interrupts import owning_process
from statefun_actors.system import end_tasks, loop_errors, run_until_done, wait_for_threads

T = TypeVar("T")


class LoopEndedError(click.ClickException):
    """Code of the application cancelled all tasks of the event loop, those of the command included."""

    def __init__(self, then: str) -> None:
        how = "by cancelling tasks that are not its own"
        super().__init__(f"code of the application ended the event loop {how}. {then}")


def in_a_loop(work: Coroutine[Untyped, Untyped, T], then: str) -> T:
    """Run *work* in a new event loop, which continues if code of the application stops it; return the result.

    It does not return before the threads of handlers have ended, except of those that were given up. Tasks that
    code of the application left running are cancelled, and cut off if they go on.

    Args:
        work: the work of the command.
        then: the consequence for the user if *work* itself is cancelled; a sentence.

    Raises:
        LoopEndedError: code of the application cancelled *work*.
        KeyboardInterrupt: Ctrl-C, while it was not handled.
        Exception: *work* raised it.
    """
    with contextlib.ExitStack() as ending:
        ending.callback(wait_for_threads)
        runner = ending.enter_context(asyncio.Runner())
        ending.enter_context(owning_process())
        loop = runner.get_loop()
        loop.set_exception_handler(loop_errors())
        try:
            result = run_until_done(loop, work)
            run_until_done(loop, end_tasks())
        except asyncio.CancelledError:
            raise LoopEndedError(then) from None
        return result
