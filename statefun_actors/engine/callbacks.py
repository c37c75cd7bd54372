"""Callbacks of calls to the engine: one that raises does not keep the others from being called."""

from __future__ import annotations

from typing import Final

from statefun_actors.interrupts import may_be_ctrl_c
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe, loggable

logger: Final = own_logger("statefun_actors.engine")


def callback_failed(error: BaseException) -> None:
    """Log *error*, which a callback raised. If it may be Ctrl-C, it is raised again."""
    if may_be_ctrl_c(error):
        raise error
    logger.error("the callback of a call raised an error: %s", describe(error), exc_info=loggable(error))
