"""What an application remembers of its handlers' conduct, and says once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Final

logger: Final = logging.getLogger("statefun_actors.dispatch")

HELD_TOO_LONG: Final = 0.1
"""Seconds for which a handler may hold the event loop before it is named in the log.

By the clock, not by CPU time: what holds the loop most often is a call that waits, for a socket or a disk, and that
takes no CPU time at all. So on a machine that is too busy a short handler may be named.
"""


class Diagnostics:
    """By the name of the handler."""

    def __init__(self) -> None:
        self.dropped_replies: Counter[str] = Counter()
        """How many replies went nowhere, because their messages had no caller."""
        self.refused: Counter[str] = Counter()
        """How many messages from outside internal handlers without a failure policy have refused."""
        self.own_replies: set[str] = set()
        """Handlers whose entities got their own replies."""
        self.longest_held: dict[str, float] = {}
        """The longest time, in seconds, for which a handler held the event loop, where that was too long."""

    def dropped(self, handlers: Iterable[str]) -> None:
        """A reply of each of *handlers* was dropped."""
        for name in handlers:
            if name not in self.dropped_replies:
                logger.info("%s replied to a message without a caller; such replies are dropped (said once)", name)
            self.dropped_replies[name] += 1

    def replied_to_itself(self, handler: str) -> None:
        """*handler* returned a reply to a message that its own entity had sent."""
        if handler not in self.own_replies:
            self.own_replies.add(handler)
            logger.warning(
                "%s returned a value for a message that its entity had sent to itself, so the entity gets it as a "
                "message; if that is not meant, return None where self.caller == self.address (said once)",
                handler,
            )

    def held_loop(self, handler: str, seconds: float) -> None:
        """*handler* held the event loop for so long that others had to wait."""
        if handler not in self.longest_held:
            logger.warning(
                "%s held the event loop for %.0f ms, and everything else had to wait; unless the machine is just too "
                "busy, make it shorter, or let it run in a thread: @handles(..., blocking=True) (said once)",
                handler,
                seconds * 1000,
            )
        self.longest_held[handler] = max(seconds, self.longest_held.get(handler, 0.0))
