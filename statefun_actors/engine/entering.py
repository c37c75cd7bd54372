"""``Entering``: adds many messages from outside to the open epoch, a part of them in each turn of the event loop.

Meanwhile the epoch stays open, so all of them are stored by one commit or none is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from statefun_actors.ingress import IngressMessage

PART: Final = 1_000
"""Messages that are added at once: some milliseconds of work."""


class Entering:
    """The messages that the open epoch still gets."""

    def __init__(self) -> None:
        self._bodies: deque[tuple[Iterator[IngressMessage], Callable[[IngressMessage], None]]] = deque()
        self.left = 0
        """The number of these messages."""

    def add(self, messages: Sequence[IngressMessage], post: Callable[[IngressMessage], None]) -> None:
        """Call *post* with each of *messages*, in their order, in this turn and the next ones."""
        self._bodies.append((iter(messages), post))
        self.left += len(messages)

    def next_part(self) -> None:
        """Add the next part of the messages that have waited for longest."""
        messages, post = self._bodies.popleft()
        part = tuple(islice(messages, PART))
        for message in part:
            post(message)
        self.left -= len(part)
        if len(part) == PART:
            self._bodies.append((messages, post))
