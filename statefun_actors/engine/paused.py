"""``PausedMailboxes``: the mailboxes of paused entities, which wait until an operator resumes them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping

from statefun_actors.address import Address
from statefun_actors.engine.clock import seconds_text
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.store import Pauses, PauseTarget


def describe_pause(target: PauseTarget, since_ms: int) -> str:
    """The pause of *target* in a few words, such as ``bank/account/ada is paused since 2026-01-01T00:00:00Z``."""
    return f"{target} is paused since {seconds_text(since_ms)}"


def current_target(target: PauseTarget, renamed: Mapping[str, str]) -> PauseTarget:
    """*target* with the current name of its function type; *renamed* has it by the former one."""
    if isinstance(target, str):
        return renamed.get(target, target)
    return Address(renamed.get(target.typename, target.typename), target.id)


class PausedMailboxes:
    """The mailboxes with messages of paused entities."""

    def __init__(self) -> None:
        self.pauses: Pauses = {}
        """What is paused, as :meth:`set` was given it."""
        self._waiting: dict[Address, Mailbox] = {}
        self._resumed: deque[Mailbox] = deque()
        """Those that may run again, until :meth:`take_resumed` returns them."""

    def covers(self, address: Address) -> bool:
        """Whether *address* is paused, itself or with its function type."""
        return address in self.pauses or address[0] in self.pauses

    @property
    def resuming(self) -> bool:
        """Whether :meth:`take_resumed` may return some."""
        return bool(self._resumed)

    @property
    def messages(self) -> int:
        """The number of messages that wait. Reads all mailboxes."""
        return sum(mailbox.waiting for mailbox in self._waiting.values())

    def counts(self) -> Counter[PauseTarget]:
        """The number of messages that wait, by paused address and function type. Reads all mailboxes."""
        counts: Counter[PauseTarget] = Counter()
        for address, mailbox in self._waiting.items():
            for target in (address, address[0]):
                if target in self.pauses:
                    counts[target] += mailbox.waiting
        return counts

    def set(self, pauses: Pauses) -> None:
        """From now on, *pauses* are paused."""
        self.pauses = pauses
        self._resumed = deque(mailbox for mailbox in self._waiting.values() if not self.covers(mailbox.address))

    def add(self, mailbox: Mailbox) -> None:
        """*mailbox*, of a paused entity, waits."""
        mailbox.paused = True
        self._waiting[mailbox.address] = mailbox

    def remove(self, mailbox: Mailbox) -> None:
        """*mailbox* does not wait any more."""
        if mailbox.paused:
            mailbox.paused = False
            del self._waiting[mailbox.address]

    def take_resumed(self, most: int) -> Iterator[Mailbox]:
        """Remove and yield at most *most* mailboxes that may run again."""
        for _ in range(min(most, len(self._resumed))):
            mailbox = self._resumed.popleft()
            if mailbox.paused and not self.covers(mailbox.address):  # it may have been paused again meanwhile
                self.remove(mailbox)
                yield mailbox
