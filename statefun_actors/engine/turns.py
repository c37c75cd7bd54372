"""``Turns``: the order in which mailboxes run.

A body of many messages, or a handler that sends to many, puts thousands of mailboxes in line. Mailboxes whose next
message has a caller outside, which waits for the answer, have a line of their own. The two lines take turns, one
mailbox each, also over the ends of slices and epochs, so neither keeps the other waiting. In each line, the order is
that of arrival.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.model import INGRESS


def is_awaited(mailbox: Mailbox) -> bool:
    """Whether a call from outside waits for the next message of *mailbox*."""
    queue = mailbox.queue
    return bool(queue) and (caller := queue[0].caller) is not None and caller[0] == INGRESS


class Turns:
    """The mailboxes that can run."""

    def __init__(self) -> None:
        self.awaited: deque[Mailbox] = deque()
        """Those whose next message has a caller outside that waits for the answer."""
        self.others: deque[Mailbox] = deque()
        self._awaited_next = True

    def __len__(self) -> int:
        return len(self.others) + len(self.awaited)

    def have_others(self, count: int) -> bool:
        """Whether at least *count* messages are in the other mailboxes."""
        for mailbox in self.others:
            count -= len(mailbox.queue) + mailbox.beyond
            if count <= 0:
                return True
        return False

    def append(self, mailbox: Mailbox) -> None:
        """Append *mailbox* to its line."""
        (self.awaited if is_awaited(mailbox) else self.others).append(mailbox)

    def next(self, most: int) -> list[Mailbox]:
        """Remove the next mailboxes, at most *most*."""
        awaited, others = self.awaited, self.others
        if not awaited:
            self._awaited_next = True
            return [others.popleft() for _ in range(min(len(others), most))]
        if not others:
            self._awaited_next = False
            return [awaited.popleft() for _ in range(min(len(awaited), most))]
        turns: list[Mailbox] = []
        while len(turns) < most and (awaited or others):
            line = awaited if awaited and (self._awaited_next or not others) else others
            self._awaited_next = line is others
            turns.append(line.popleft())
        return turns

    def put_back(self, mailboxes: Sequence[Mailbox]) -> None:
        """Put *mailboxes*, of which there is at least one, back to the front of their lines. The first is the next."""
        for mailbox in reversed(mailboxes):
            (self.awaited if is_awaited(mailbox) else self.others).appendleft(mailbox)
        self._awaited_next = is_awaited(mailboxes[0])
