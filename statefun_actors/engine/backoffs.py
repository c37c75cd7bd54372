"""``Backoffs``: the mailboxes whose first message failed, each until the end of its backoff."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.mailbox import BACKOFF, Mailbox

_LONGEST_MS: Final = round(BACKOFF.longest * 1000)


class Backoffs:
    """The mailboxes in a backoff, by its end."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Mailbox]] = []

    def begin(self, mailbox: Mailbox, until_ms: int) -> None:
        """Begin a backoff of *mailbox* until *until_ms*."""
        mailbox.waits = True
        mailbox.next_ms = until_ms
        heapq.heappush(self._heap, (until_ms, id(mailbox), mailbox))

    def next(self) -> int | None:
        """The end of the next backoff, in milliseconds since 1970."""
        return self._heap[0][0] if self._heap else None

    def take_over(self, now_ms: int) -> Iterator[Mailbox]:
        """Remove and yield the mailboxes whose backoff is over."""
        # If none is due within the longest backoff, the clock has been set back.
        while self._heap and not now_ms < self._heap[0][0] <= now_ms + _LONGEST_MS:
            mailbox = heapq.heappop(self._heap)[2]
            mailbox.waits = False
            yield mailbox

    def end(self, mailbox: Mailbox) -> None:
        """End the backoff of *mailbox* now, if it is in one."""
        if mailbox.waits:
            self.end_all(lambda address: address == mailbox.address)

    def end_all(self, ends: Callable[[Address], bool]) -> list[Mailbox]:
        """End the backoffs of the mailboxes whose address *ends* is true for; return these."""
        ended = [mailbox for _, _, mailbox in self._heap if ends(mailbox.address)]
        if ended:
            self._heap = [each for each in self._heap if not ends(each[2].address)]
            heapq.heapify(self._heap)
        for mailbox in ended:
            mailbox.waits = False
        return ended
