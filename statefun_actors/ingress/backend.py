"""``Backend``: takes messages from outside. The engine is one; a gateway to a cluster could be another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from statefun_actors.address import Address
from statefun_actors.ingress.message import Cancel, IngressMessage, OnAnswer
from statefun_actors.ingress.replies import ReplyMessage


class Backend(Protocol):
    """Takes messages. Everything is called on the thread of the event loop, and nothing of it blocks or raises."""

    def take(self, message: IngressMessage | ReplyMessage, on_answer: OnAnswer, /) -> Cancel:
        """Take *message*, and call *on_answer*, now or later, with the answer that ``message.wait`` asks for.

        Returns:
            What to call to stop waiting: *on_answer* is not called after that.
        """
        ...

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, /) -> None:
        """Take all of *messages*, in their order, or none, and call *on_answer* once they are durable.

        ``wait`` and ``key`` do not count.
        """
        ...

    def unready(self) -> str | None:
        """Why it takes nothing at present, such as a store that fails; None while it does."""
        ...

    def notices(self) -> Sequence[str]:
        """What an operator should know: messages that keep failing, egresses that can't be written."""
        ...

    def failing(self, target: Address, /) -> str | None:
        """A sentence about the first message of *target* if that keeps failing; None if it does not."""
        ...
