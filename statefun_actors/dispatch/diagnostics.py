"""Counters and one-time warnings about an application's handlers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Final

from statefun_actors.dispatch.events import LoopHeld, MessageRefused, RepliedToItself, ReplyDropped
from statefun_actors.dispatch.instruments import Instrument
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.dispatch")

HELD_TOO_LONG: Final = 0.1
"""Seconds for which a handler may hold the event loop before a warning is logged.

Dispatch itself takes this time, so that it is known without an instrument that listens to handlers: one call of the
monotonic clock per message, less than any hook.

By the clock, not by CPU time: most often a call that waits for a socket or a disk holds the loop, and that takes no
CPU time. So on an overloaded machine the warning may name a short handler.
"""


class Diagnostics(Instrument):
    """The first instrument of each application. It counts and warns by handler; each warning is logged once.

    It does not listen to handlers and batches, so an application without further instruments runs the bare dispatch.
    """

    def __init__(self) -> None:
        self.dropped_replies: Counter[str] = Counter()
        """The number of replies that were dropped because their messages had no caller."""
        self.refused: Counter[str] = Counter()
        """The number of messages from outside that internal handlers without a failure policy have refused."""
        self.own_replies: set[str] = set()
        """Handlers whose entities received their own replies."""
        self.longest_held: dict[str, float] = {}
        """The longest time, in seconds, for which a handler held the event loop; only times above the limit."""
        self.activities: AbstractSet[str] = frozenset()
        """The function types that are activities, for advice."""

    def reply_dropped(self, event: ReplyDropped) -> None:
        if event.handler not in self.dropped_replies:
            logger.info(
                "%s replied to a message without a caller; such replies are dropped (logged once)", event.handler
            )
        self.dropped_replies[event.handler] += 1

    def replied_to_itself(self, event: RepliedToItself) -> None:
        if event.handler not in self.own_replies:
            self.own_replies.add(event.handler)
            logger.warning(
                "%s returned a value for a message that its entity had sent to itself, so the entity gets it as a "
                "message; if that is not meant, return None where self.caller == self.address (logged once)",
                event.handler,
            )

    def loop_held(self, event: LoopHeld) -> None:
        if event.handler not in self.longest_held:
            logger.warning(
                "%s held the event loop for %.0f ms, and everything else had to wait; unless the machine is just too "
                "busy, make it shorter, or %s (logged once)",
                event.handler,
                event.seconds * 1000,
                self._in_thread(event.handler),
            )
        self.longest_held[event.handler] = max(event.seconds, self.longest_held.get(event.handler, 0.0))

    def _in_thread(self, handler: str) -> str:
        """What lets *handler* run in a thread. Only entities have handlers with a name other than a function type."""
        if handler in self.activities:
            return "make it a plain `def`, which runs in a thread"
        return f"let it run in a thread: {'bind' if '/' in handler else '@handles'}(..., blocking=True)"

    def message_refused(self, event: MessageRefused) -> None:
        self.refused[event.handler] += 1
