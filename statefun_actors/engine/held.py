"""``HeldMailboxes``: mailboxes of function types of which as many batches run as may."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

from statefun_actors.engine.mailbox import Mailbox


class HeldMailboxes:
    """Mailboxes that wait until fewer batches of their function type run."""

    def __init__(self) -> None:
        self._by_type: dict[str, deque[Mailbox]] = {}

    def hold(self, mailbox: Mailbox) -> None:
        """Hold *mailbox* until :meth:`next` returns it."""
        self._by_type.setdefault(mailbox.address[0], deque()).append(mailbox)

    def holds(self, typename: str) -> bool:
        """Whether mailboxes of *typename* are held."""
        return bool(self._by_type.get(typename))

    def types(self) -> list[str]:
        """The function types of which mailboxes are held."""
        return [typename for typename, held in self._by_type.items() if held] if self._by_type else []

    def next(self, typename: str) -> Mailbox | None:
        """Remove the mailbox of *typename* that was held longest; it must run at once, or return by :meth:`hold`."""
        held = self._by_type.get(typename)
        return held.popleft() if held else None

    def queues(self) -> Collection[deque[Mailbox]]:
        """The mailboxes of each function type, to remove some of them."""
        return self._by_type.values()
