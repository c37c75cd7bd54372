"""Counters and one-time warnings about an application's handlers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Final

logger: Final = logging.getLogger("statefun_actors.dispatch")

HELD_TOO_LONG: Final = 0.1
"""Seconds for which a handler may hold the event loop before a warning is logged.

By the clock, not by CPU time: most often a call that waits for a socket or a disk holds the loop, and that takes no
CPU time. So on an overloaded machine the warning may name a short handler.
"""


class Diagnostics:
    """Counters and warnings by the name of the handler; each warning is logged once."""

    def __init__(self) -> None:
        self.dropped_replies: Counter[str] = Counter()
        """The number of replies that were dropped because their messages had no caller."""
        self.refused: Counter[str] = Counter()
        """The number of messages from outside that internal handlers without a failure policy have refused."""
        self.own_replies: set[str] = set()
        """Handlers whose entities received their own replies."""
        self.longest_held: dict[str, float] = {}
        """The longest time, in seconds, for which a handler held the event loop; only times above the limit."""

    def dropped(self, handlers: Iterable[str]) -> None:
        """Count a dropped reply of each of *handlers*."""
        for name in handlers:
            if name not in self.dropped_replies:
                logger.info("%s replied to a message without a caller; such replies are dropped (logged once)", name)
            self.dropped_replies[name] += 1

    def replied_to_itself(self, handler: str) -> None:
        """Warn that *handler* replied to a message of its own entity."""
        if handler not in self.own_replies:
            self.own_replies.add(handler)
            logger.warning(
                "%s returned a value for a message that its entity had sent to itself, so the entity gets it as a "
                "message; if that is not meant, return None where self.caller == self.address (logged once)",
                handler,
            )

    def held_loop(self, handler: str, seconds: float) -> None:
        """Warn that *handler* held the event loop for too long."""
        if handler not in self.longest_held:
            logger.warning(
                "%s held the event loop for %.0f ms, and everything else had to wait; unless the machine is just too "
                "busy, make it shorter, or let it run in a thread: @handles(..., blocking=True) (logged once)",
                handler,
                seconds * 1000,
            )
        self.longest_held[handler] = max(seconds, self.longest_held.get(handler, 0.0))
