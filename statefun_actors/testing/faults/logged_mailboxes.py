"""Mailboxes that log the handled messages, and those in which messages overtake each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container
from typing import Final, TypeAlias

from statefun_actors.address import Address
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.engine import Mailbox, Mailboxes
from statefun_actors.store import Message
from statefun_actors.testing.faults.hostility import Hostility
from statefun_actors.testing.faults.log import MessageLog

_UNBOUNDED: Final = 1 << 31


class LoggedMailboxes(Mailboxes):
    """Mailboxes that record each batch in *log* when it begins."""

    def __init__(
        self,
        served: Container[str],
        most: int,
        more: Callable[[Address, int, int], list[Message]],
        durable_first: Container[str] = (),
        *,
        log: MessageLog,
        now_ms: Callable[[], int],
    ) -> None:
        super().__init__(served, most, more, durable_first)
        self._log, self._now_ms = log, now_ms

    def take(self, mailbox: Mailbox, most: int) -> list[Message]:
        batch = super().take(mailbox, most)
        self._log.handled(self._now_ms(), batch)
        return batch


_Pair: TypeAlias = tuple[Address | None, Address]


class OvertakingMailboxes(LoggedMailboxes):
    """Mailboxes in which *hostility* changes the order of messages of different senders.

    Messages of one sender to one target stay in order, and none is lost: delayed ones arrive when nothing else can
    run, except late ones, which wait for :meth:`arrive_late`.
    """

    def __init__(
        self,
        served: Container[str],
        most: int,  # noqa: ARG002 - a bounded mailbox reads the rest from the store, in the order of sending
        more: Callable[[Address, int, int], list[Message]],
        durable_first: Container[str] = (),
        *,
        log: MessageLog,
        now_ms: Callable[[], int],
        hostility: Hostility,
    ) -> None:
        super().__init__(served, _UNBOUNDED, more, durable_first, log=log, now_ms=now_ms)
        self._hostility = hostility
        self._ready = self._turns.awaited = self._turns.others  # any of them may be the next one
        self._on_their_way: dict[_Pair, deque[Message]] = {}
        self._late: dict[_Pair, deque[Message]] = {}

    def limit(self, most: int, most_bytes: int) -> None:
        """It has no limits: what leaves the memory comes back in the order of sending."""

    @property
    def ready(self) -> int:
        while not self._ready and self._on_their_way:
            self._arrive()
        return len(self._ready)

    @property
    def late(self) -> bool:
        """Whether messages wait for :meth:`arrive_late`."""
        return bool(self._late)

    def deliver(self, message: Message) -> None:
        pair = message.caller, message.target
        for waiting in (self._on_their_way, self._late):
            if (queue := waiting.get(pair)) is not None:
                queue.append(message)
                return
        if message.target.typename in self._durable_first:
            super().deliver(message)
        elif _conversation(message) and self._hostility.late():
            self._late[pair] = deque([message])
        elif self._hostility.overtaken():
            self._on_their_way[pair] = deque([message])
        else:
            super().deliver(message)

    def take_ready(self, most: int) -> list[Mailbox]:
        if self._on_their_way:
            for _ in range(self._hostility.pick(len(self._on_their_way) + 1)):
                self._arrive()
        if not self.ready:
            return []
        count = min(len(self._ready), most, 1 + self._hostility.pick(most))
        for place in range(min(count, len(self._ready) - 1)):  # any of the others may be the next one
            other = place + self._hostility.pick(len(self._ready) - place)
            self._ready[place], self._ready[other] = self._ready[other], self._ready[place]
        return super().take_ready(count)

    def arrive_late(self) -> None:
        """Deliver all late messages."""
        late, self._late = self._late, {}
        for queue in late.values():
            for message in queue:
                super().deliver(message)

    def _arrive(self) -> None:
        pairs = list(self._on_their_way)
        pair = pairs[self._hostility.pick(len(pairs))]
        queue = self._on_their_way[pair]
        message = queue.popleft()
        if not queue:
            del self._on_their_way[pair]
        super().deliver(message)


def _conversation(message: Message) -> bool:
    """Whether *message* is the question of an ask, or an answer to one."""
    own = message.caller is not None and message.caller.typename in OWN_FUNCTIONS
    return own != (message.target.typename in OWN_FUNCTIONS)
