"""The messages that wait for one address, and what became of the last try."""

from __future__ import annotations

from collections import deque

from statefun_actors.embedded.store import Message
from statefun_actors.model import Address

_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 60.0


class Mailbox:
    """One address: its messages in order, at most one batch of them in flight."""

    __slots__ = ("address", "attempts", "error", "one_by_one", "queue", "queued", "running", "waits")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.queue: deque[Message] = deque()
        self.running: list[Message] = []
        """The batch in flight."""
        self.queued = False
        """Whether it stands in the line of mailboxes that can run."""
        self.waits = False
        """Whether it waits out a backoff."""
        self.one_by_one = 0
        """How many of the next messages run in a batch of their own, to find the one at fault."""
        self.attempts = 0
        self.error: BaseException | None = None
        """Why its first message failed last time."""

    def take(self, most: int) -> list[Message]:
        """The next batch."""
        queue = self.queue
        if self.one_by_one:
            self.one_by_one -= 1
            most = 1
        if len(queue) <= most:
            batch = list(queue)
            queue.clear()
        else:
            batch = [queue.popleft() for _ in range(most)]
        self.running = batch
        return batch

    def put_back(self) -> None:
        """The batch in flight came to nothing: its messages are the next ones again."""
        self.queue.extendleft(reversed(self.running))
        self.running = []

    def backoff(self) -> float:
        """Seconds until the next attempt of its first message, which has just failed."""
        self.attempts += 1
        return min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(self.attempts - 1, 20))
