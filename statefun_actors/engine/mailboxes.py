"""``Mailboxes``: the waiting messages, in a mailbox for each address, and the queue of mailboxes that can run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Sequence
from typing import Final

from statefun_actors.address import Address
from statefun_actors.engine.backoffs import Backoffs
from statefun_actors.engine.held import HeldMailboxes
from statefun_actors.engine.in_memory import MessagesInMemory
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.parked import ParkedMessages
from statefun_actors.engine.paused import PausedMailboxes
from statefun_actors.engine.turns import Turns
from statefun_actors.store import Message, Pauses, size_of

_SPARE: Final = 1_000
_LONG_ID: Final = 1_000
_RESUMED: Final = 1_000
"""The most mailboxes that are resumed at once, since the messages of each are read from the store."""


class Mailboxes(MessagesInMemory):
    """All mailboxes that have messages.

    Args:
        served: function types whose messages may run in the epoch in which they were sent.
        durable_first: function types whose messages may run only after that epoch is durable: side effects of
            activities can't be undone, and an ask that a crash undoes is repeated under another key.
        most: the maximum number of messages in one mailbox.
        more: see :class:`~.in_memory.MessagesInMemory`.
    """

    def __init__(
        self,
        served: Container[str],
        most: int,
        more: Callable[[Address, int, int], list[Message]],
        durable_first: Container[str] = (),
    ) -> None:
        super().__init__(more)
        self._served, self._most = served, most
        self._durable_first = durable_first
        self._spare: list[Mailbox] = []
        """Empty ones, to be reused: most mailboxes exist for one message."""
        self._turns = Turns()
        self._aside: deque[Mailbox] = deque()
        self.at_limit = HeldMailboxes()
        self._backoffs = Backoffs()
        self.paused = PausedMailboxes()
        self.not_durable: list[Message] = []
        """Messages of types in *durable_first* whose epoch is not durable yet, oldest first."""
        self.parked = ParkedMessages()

    @property
    def ready(self) -> int:
        """The number of mailboxes that can run."""
        return len(self._turns)

    def has_unawaited(self, count: int) -> bool:
        """Whether at least *count* messages can run and have no caller outside."""
        return self._turns.have_others(count)

    def deliver(self, message: Message) -> None:
        """Append *message* to the mailbox of its target."""
        target = message.target
        mailbox = self._by_address.get(target)
        if mailbox is None:
            if target[0] not in self._served:
                if target[0] in self._durable_first:
                    self.not_durable.append(message)
                else:
                    self.parked.add(target[0])
                return
            mailbox = self._by_address[target] = self._opened(target)
        self.waiting += 1
        queue = mailbox.queue
        if mailbox.beyond or len(queue) >= self._most or (self.tight and self._stays(mailbox)):
            if not (mailbox.beyond or queue or mailbox.running):
                mailbox.last = message.seq - 1
            mailbox.beyond += 1
            self.beyond += 1
        else:
            queue.append(message)
            self.bytes += size_of(message)
            mailbox.last = message.seq
            if mailbox.queued:
                self.ready_messages += 1
        if not (mailbox.queued or mailbox.running or mailbox.stuck):
            self._line_up(mailbox)

    def deliver_durable(self, message: Message) -> None:
        """Append *message*, which the store has, to the mailbox of its target."""
        target = message.target
        if target[0] in self._durable_first and target not in self._by_address:
            self._by_address[target] = self._opened(target)
        self.deliver(message)

    def release(self, end: int) -> None:
        """Deliver the messages of :attr:`not_durable` with seq below *end*, which have become durable."""
        waiting, self.not_durable = self.not_durable, []
        for message in waiting:
            if message.seq < end:
                self.deliver_durable(message)
            else:
                self.deliver(message)  # it waits on, unless its address has a mailbox now

    def take_ready(self, most: int) -> list[Mailbox]:
        """Remove the next mailboxes from the queue; each must run at once, or return to it by :meth:`keep_ready`."""
        return self._turns.next(most)

    def keep_ready(self, mailboxes: list[Mailbox]) -> None:
        """Put *mailboxes*, which did not run, back to the front of the queue."""
        self._turns.put_back(mailboxes)

    def take(self, mailbox: Mailbox, most: int) -> list[Message]:
        """Take the next batch of *mailbox*, which is the first in the queue.

        The mailbox leaves the queue only now, so messages that arrived meanwhile are part of the batch.
        """
        mailbox.queued = False
        queue = mailbox.queue
        if queue:
            self.ready_messages -= len(queue)
        else:
            self.load(mailbox)
        count = len(queue)
        if mailbox.one_by_one:
            mailbox.one_by_one -= 1
            most = 1
        if count <= most:
            batch = list(queue)
            queue.clear()
        else:
            batch = [queue.popleft() for _ in range(most)]
        mailbox.running = batch
        return batch

    def dealt_with(self, mailbox: Mailbox, messages: Sequence[Message]) -> None:
        """Remove *messages*, the first ones of *mailbox*: they succeeded or were given up."""
        self.waiting -= len(messages)
        for message in messages:
            self.bytes -= size_of(message)
        mailbox.running = ()
        mailbox.attempts = mailbox.backoffs = 0
        mailbox.error = None
        self.again(mailbox)

    def drop_first(self, message: Message) -> bool:
        """Remove *message* if it is the first one of its target and not in flight; return whether it was."""
        mailbox = self._by_address.get(message.target)
        if mailbox is None or mailbox.running:
            return False
        self.load(mailbox)
        if not mailbox.queue or mailbox.queue[0].seq != message.seq:
            return False
        if mailbox.queued or (mailbox.stuck and not (mailbox.waits or mailbox.paused)):
            self._unqueue(lambda address: address == mailbox.address)
        self._backoffs.end(mailbox)
        self.paused.remove(mailbox)
        if mailbox.stuck:
            self._mark_free(mailbox)
        mailbox.queue.popleft()
        self.dealt_with(mailbox, (message,))
        return True

    def set_pauses(self, pauses: Pauses) -> None:
        """From now on, mailboxes of *pauses* wait, and no others do. Batches in flight are not interrupted."""
        self.paused.set(pauses)
        covers = self.paused.covers
        for mailbox in (*self._backoffs.end_all(covers), *self._unqueue(covers)):
            self._pause(mailbox)

    def _unqueue(self, leaves: Callable[[Address], bool]) -> list[Mailbox]:
        """Remove the mailboxes whose address *leaves* is true for from all queues; return these."""
        removed: list[Mailbox] = []
        for line in (self._turns.awaited, self._turns.others, self._aside, *self.at_limit.queues()):
            removed += [mailbox for mailbox in line if leaves(mailbox.address)]
            rest = [mailbox for mailbox in line if not leaves(mailbox.address)]
            line.clear()
            line.extend(rest)
        for mailbox in removed:
            if mailbox.queued:
                self._leave_queue(mailbox)
            else:
                self._mark_free(mailbox)
        return removed

    def _pause(self, mailbox: Mailbox) -> None:
        """Let *mailbox* wait. Its messages leave the memory."""
        self.paused.add(mailbox)
        if not mailbox.stuck:
            self._mark_stuck(mailbox)
        self._unload(mailbox)

    def hold(self, mailbox: Mailbox) -> None:
        """Let *mailbox*, which was first in the queue, wait until fewer batches of its function type run."""
        self._leave_queue(mailbox)
        self.at_limit.hold(mailbox)
        self._mark_stuck(mailbox)

    def next_held(self, typename: str) -> Mailbox | None:
        """Remove the mailbox of *typename* that was held longest; it must run at once, or return by :meth:`hold`."""
        mailbox = self.at_limit.next(typename)
        if mailbox is not None:
            self._enter_queue(mailbox)
        return mailbox

    def set_aside(self, mailbox: Mailbox) -> None:
        """Let *mailbox*, which was first in the queue, wait until :meth:`bring_back`."""
        self._leave_queue(mailbox)
        self._aside.append(mailbox)
        self._mark_stuck(mailbox)

    def bring_back(self, most: int) -> None:
        """Append at most *most* of the mailboxes that were set aside, and some of those resumed, to the queue."""
        if self.paused.resuming:
            for mailbox in self.paused.take_resumed(_RESUMED):
                self._mark_free(mailbox)
                self.again(mailbox)
        while self._aside and most > 0:
            mailbox = self._aside.popleft()
            self._enter_queue(mailbox)
            self._turns.append(mailbox)
            most -= 1

    def _leave_queue(self, mailbox: Mailbox) -> None:
        mailbox.queued = False
        self.ready_messages -= len(mailbox.queue)

    def _enter_queue(self, mailbox: Mailbox) -> None:
        """*mailbox*, which was held or set aside, counts as queued again."""
        self._mark_free(mailbox)
        mailbox.queued = True
        self.ready_messages += len(mailbox.queue)

    def again(self, mailbox: Mailbox) -> None:
        """After a batch: append *mailbox* to the queue if it has more messages, else drop it."""
        if mailbox.queue or mailbox.beyond:
            if not (mailbox.queued or mailbox.stuck):
                self._line_up(mailbox)
            return
        del self._by_address[mailbox.address]
        if len(self._spare) < _SPARE and len(mailbox.address[1]) < _LONG_ID:
            mailbox.one_by_one = 0
            self._spare.append(mailbox)

    def _opened(self, address: Address) -> Mailbox:
        if not self._spare:
            return Mailbox(address)
        mailbox = self._spare.pop()
        mailbox.address = address
        return mailbox

    def _line_up(self, mailbox: Mailbox) -> None:
        if self.paused.pauses and self.paused.covers(mailbox.address):
            self._pause(mailbox)
            return
        mailbox.queued = True
        self.ready_messages += len(mailbox.queue)
        self._turns.append(mailbox)

    def put_off(self, mailbox: Mailbox, until_ms: int) -> None:
        """The first message of *mailbox* failed: keep it, and all behind it, until the end of the backoff."""
        if self.paused.pauses and self.paused.covers(mailbox.address):
            self._pause(mailbox)
        else:
            self._backoffs.begin(mailbox, until_ms)
            self._mark_stuck(mailbox)

    def end_waits(self, now_ms: int) -> None:
        """Append the mailboxes whose backoff is over to the queue."""
        for mailbox in self._backoffs.take_over(now_ms):
            self._mark_free(mailbox)
            self.again(mailbox)

    def next_retry(self) -> int | None:
        """The end of the next backoff, in milliseconds since 1970."""
        return self._backoffs.next()

    def retry_now(self, mailbox: Mailbox) -> None:
        """Append *mailbox* to the queue, if it is in a backoff."""
        if mailbox.waits:
            self._backoffs.end(mailbox)
            self._mark_free(mailbox)
            self.again(mailbox)

    def of(self, address: Address) -> Mailbox | None:
        """The mailbox of *address*; None without messages."""
        return self._by_address.get(address)

    def failing(self) -> list[Mailbox]:
        """The mailboxes whose first message keeps failing."""
        return [mailbox for mailbox in self._by_address.values() if mailbox.attempts]
