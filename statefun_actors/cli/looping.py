"""The event loop of a command, which it shares with the code of the application."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine
from typing import Any as Untyped
from typing import Final, TypeVar

import click

from statefun_actors.dispatch import owning_process
from statefun_actors.system import loop_errors
from statefun_actors.text import describe_error, describe_type

T = TypeVar("T")
logger: Final = logging.getLogger("statefun_actors")


class LoopEndedError(click.ClickException):
    """Code of the application cancelled all tasks of the event loop, those of the command included."""

    def __init__(self, then: str) -> None:
        how = "by cancelling tasks that are not its own"
        super().__init__(f"code of the application ended the event loop {how}. {then}")


def in_a_loop(work: Coroutine[Untyped, Untyped, T], then: str) -> T:
    """What *work* returns, in an event loop of its own, which goes on where code of the application stops it.

    That is ``loop.stop()``, or a callback or a task that raises SystemExit or KeyboardInterrupt, which asyncio lets out
    of the loop. It is logged, each kind once.

    Args:
        work: what the command does.
        then: what the user may count on where *work* itself is cancelled; a sentence.

    Raises:
        LoopEndedError: code of the application cancelled *work*.
        KeyboardInterrupt: Ctrl-C, while nothing listened for it.
        Exception: whatever *work* raises.
    """
    told: set[str] = set()
    with asyncio.Runner() as runner, owning_process():
        loop = runner.get_loop()
        loop.set_exception_handler(loop_errors())
        task = loop.create_task(work)
        while True:
            try:
                return loop.run_until_complete(task)
            except asyncio.CancelledError:
                raise LoopEndedError(then) from None
            except BaseException as error:
                if task.done() or not _by_the_application(error):
                    raise
                how = _how(error)
            if how not in told:
                told.add(how)
                logger.warning("code of the application stopped the event loop %s; it goes on (logged once)", how)


def _by_the_application(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt):
        return signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    return isinstance(error, RuntimeError | SystemExit)  # the first is what asyncio makes of loop.stop()


def _how(error: BaseException) -> str:
    if isinstance(error, RuntimeError):
        return "by loop.stop()"
    name, text = describe_type(error), describe_error(error)
    return f"by {name}{f': {text}' if text != f'{name}()' else ''}, in a callback or a task"
