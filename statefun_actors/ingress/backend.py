"""``Backend``: takes messages from outside. The engine is one; a gateway to a cluster could be another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from statefun_actors.address import Address
from statefun_actors.ingress.message import Cancel, IngressMessage, OnAnswer
from statefun_actors.ingress.replies import ReplyMessage


class Backend(Protocol):
    """Takes messages. All methods are called on the thread of the event loop, and never block or raise."""

    def take(self, message: IngressMessage | ReplyMessage, on_answer: OnAnswer, /) -> Cancel:
        """Take *message*, and call *on_answer*, now or later, with the answer that ``message.wait`` asks for.

        Returns:
            A function that stops waiting: *on_answer* is not called afterwards, unless its answer is on its way from
            another event loop.
        """
        ...

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, /) -> None:
        """Take all of *messages*, in their order, or none, and call *on_answer* once they are durable.

        ``wait`` and ``key`` of the messages are ignored.
        """
        ...

    def unready(self) -> str | None:
        """The reason why it takes no messages now, such as a failing store; None while it takes them."""
        ...

    def notices(self) -> Sequence[str]:
        """Notices for operators: messages that keep failing, egresses that can't be written, what is paused."""
        ...

    def failing(self, target: Address, /) -> str | None:
        """Why *target* handles no messages, in one sentence: the first one keeps failing, or it is paused; else
        None.
        """
        ...
