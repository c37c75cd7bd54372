"""Calls from the engine to what waits for it outside: one that fails keeps no other from being told."""

from __future__ import annotations

import logging
from typing import Final

from statefun_actors.interrupts import of_user_code
from statefun_actors.text import describe, loggable

logger: Final = logging.getLogger("statefun_actors.engine")


def not_told(error: BaseException) -> None:
    """Log *error*, which such a call raised. If it may be Ctrl-C, it is raised."""
    of_user_code(error)
    logger.error("what waits for the engine could not take its answer: %s", describe(error), exc_info=loggable(error))
