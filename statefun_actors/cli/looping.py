"""The event loop of a command, which it shares with the code of the application."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any as Untyped
from typing import TypeVar

import click

from statefun_actors.text import describe

T = TypeVar("T")


class LoopEndedError(click.ClickException):
    """Code of the application ended the event loop, or all of its tasks, under a command that still needed them."""

    def __init__(self, error: BaseException, then: str) -> None:
        match error:
            case asyncio.CancelledError():
                how = "by cancelling tasks that are not its own"
            case SystemExit():
                how = f"by {describe(error)}, in a callback or a task"
            case _:
                how = "by loop.stop()"
        super().__init__(f"code of the application ended the event loop {how}. {then}")


def in_a_loop(work: Coroutine[Untyped, Untyped, T], then: str) -> T:
    """What *work* returns, in an event loop of its own.

    Args:
        work: what the command does.
        then: what the user may count on where the loop ends before *work* does; a sentence.

    Raises:
        LoopEndedError: it did.
        KeyboardInterrupt: Ctrl-C, while nothing listened for it.
        Exception: whatever *work* raises.
    """
    raised: BaseException | None = None

    async def watched() -> T:
        nonlocal raised
        try:
            return await work
        except BaseException as error:
            raised = error
            raise

    try:
        return asyncio.run(watched())
    except asyncio.CancelledError as error:
        raise LoopEndedError(error, then) from None
    except (RuntimeError, SystemExit) as error:
        if error is raised:
            raise
        raise LoopEndedError(error, then) from None
