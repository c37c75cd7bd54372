"""``MessagesInMemory``: which waiting messages are in memory, and which only in the store.

A mailbox holds the next messages of its address, up to a bound. Further ones stay in the store, or in their epoch until
that is durable, and are read when they are next. Once the messages in memory have half of their bound, those that can't
run now leave it as well: behind a failing message or a running batch, at the limit of their class, paused. So messages
that can run have room, however many others wait. At the bound, all that arrive stay in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nlargest
from itertools import islice
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.shares import Shares
from statefun_actors.store import Message, size_of

_LOOKED_AT: Final = 10_000
_UNBOUNDED: Final = 1 << 62
_LONG: Final = 500
"""Characters of an id that cost as much as a mailbox."""


class MessagesInMemory:
    """Counts the messages of mailboxes, and moves them between memory and store.

    Args:
        more: returns the messages to an address after a seq, oldest first: at least one. The third argument is their
            number, so that none is looked for in open epochs, where they are not sorted by address, if all are stored.
    """

    def __init__(self, more: Callable[[Address, int, int], list[Message]]) -> None:
        self._more = more
        self._by_address: dict[Address, Mailbox] = {}
        self.waiting: int = 0
        """The number of all messages, those in flight included."""
        self.beyond: int = 0
        """The number of these that are not in memory."""
        self.bytes = 0
        """The bytes of those in memory."""
        self.ready_messages = 0
        """The number of messages in memory whose mailboxes are in the queue."""
        self.tight = False
        """Whether messages that can't run now leave the memory."""
        self._most_held = self._most_bytes = _UNBOUNDED
        self.stuck = Shares(_UNBOUNDED)
        """The mailboxes that can't run now, those that run left out: they cost memory even without messages."""

    def limit(self, most: int, most_bytes: int) -> None:
        """From now on, hold at most about *most* messages with *most_bytes* in memory."""
        self._most_held, self._most_bytes = most, most_bytes
        self.stuck = Shares(2 * most)

    @property
    def held(self) -> int:
        """The number of messages in memory."""
        return self.waiting - self.beyond

    @property
    def full(self) -> bool:
        """Whether as many messages are in memory as may be."""
        return self.waiting - self.beyond >= self._most_held or self.bytes >= self._most_bytes

    def relieve(self) -> None:
        """Remove messages that can't run now from memory if it has half of what may be, until it has a quarter."""
        held, size = self.waiting - self.beyond, self.bytes
        if not self.tight:
            if held * 2 >= self._most_held or size * 2 >= self._most_bytes:
                self.tight = True
                for mailbox in self._by_address.values():
                    if not mailbox.queued:
                        self._unload(mailbox)
        elif held * 4 < self._most_held and size * 4 < self._most_bytes:
            self.tight = False

    def _stays(self, mailbox: Mailbox) -> bool:
        """Whether a message that arrives for *mailbox* stays in the store, while memory is tight."""
        return self.full or bool(not mailbox.queued and (mailbox.running or mailbox.stuck))

    def _unload(self, mailbox: Mailbox) -> None:
        """Remove the messages of *mailbox* from memory, except those in flight. It is not in the queue."""
        queue = mailbox.queue
        if not queue:
            return
        mailbox.last = queue[0].seq - 1
        mailbox.beyond += len(queue)
        self.beyond += len(queue)
        self.bytes -= sum(map(size_of, queue))
        queue.clear()

    def load(self, mailbox: Mailbox) -> None:
        """Read the next messages of *mailbox* if none is in memory."""
        if mailbox.queue or not mailbox.beyond:
            return
        more = self._more(mailbox.address, mailbox.last, mailbox.beyond)
        mailbox.queue.extend(more)
        self.bytes += sum(map(size_of, more))
        mailbox.last = more[-1].seq
        mailbox.beyond -= len(more)
        self.beyond -= len(more)
        if mailbox.queued:
            self.ready_messages += len(more)

    def first(self, mailbox: Mailbox) -> Message:
        """The first message of *mailbox*, which has some."""
        if mailbox.running:
            return mailbox.running[0]
        return mailbox.queue[0] if mailbox.queue else self._more(mailbox.address, mailbox.last, 1)[0]

    def holders(self) -> Iterable[tuple[Address, int, int]]:
        """The addresses with messages in memory, each with their number and bytes."""
        for address, mailbox in self._by_address.items():
            messages = (*mailbox.running, *mailbox.queue)
            if messages:
                yield address, len(messages), sum(map(size_of, messages))

    def longest(self, most: int) -> list[tuple[Address, int]]:
        """At most *most* addresses with the most waiting messages, those that run included, of more than one each.

        It looks at the mailboxes that have been open for longest: one with many messages is among them.
        """
        sizes = (
            (address, len(mailbox.queue) + len(mailbox.running) + mailbox.beyond)
            for address, mailbox in islice(self._by_address.items(), _LOOKED_AT)
        )
        return nlargest(most, (each for each in sizes if each[1] > 1), key=lambda each: each[1])

    def _mark_stuck(self, mailbox: Mailbox) -> None:
        """*mailbox* can't run now: note it, and remove its messages from memory if that is tight."""
        mailbox.stuck = True
        self.stuck.add(mailbox.address[0], 1 + len(mailbox.address[1]) // _LONG)
        if self.tight:
            self._unload(mailbox)

    def _mark_free(self, mailbox: Mailbox) -> None:
        """*mailbox* may run again."""
        mailbox.stuck = False
        self.stuck.add(mailbox.address[0], -1 - len(mailbox.address[1]) // _LONG)
