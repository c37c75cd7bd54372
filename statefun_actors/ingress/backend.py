"""Who takes messages from outside: the embedded engine, or a gateway that passes them on to a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from statefun_actors.address import Address
from statefun_actors.ingress.message import Answer, IngressMessage


class Backend(Protocol):
    """Takes letters. Everything is called on the thread of the event loop, and nothing of it blocks or raises."""

    def take(self, letter: IngressMessage, tell: Callable[[Answer], None]) -> Callable[[], bool]:
        """Take *letter*, and *tell* once what became of it: at once or later, as far as ``letter.wait`` asks for it.

        Returns:
            What to call when nobody waits any more, which says whether the letter is durable by then. It is delivered
            all the same; of one that is waited for, *tell* is not called any more.
        """
        ...

    def unready(self) -> str | None:
        """Why it takes nothing at present, such as a store that fails; None while it does."""
        ...

    def notices(self) -> Sequence[str]:
        """What whoever runs it should know of: messages that keep failing, egresses that can't be written."""
        ...

    def failing(self, target: Address) -> str | None:
        """What is known of the first message of *target* that keeps failing, in a sentence; None where none does."""
        ...

    def take_all(self, letters: Sequence[IngressMessage], tell: Callable[[Answer], None]) -> None:
        """Take all of *letters*, or none, in their order; *tell* once they are durable. ``wait`` does not count."""
        ...
