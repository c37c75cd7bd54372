"""``NoAnswer``: passed to ``then`` in place of an answer."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.types import own_message


@own_message("statefun-actors/no-answer")
class NoAnswer:
    """No answer arrived.

    ::

        class Buyer(Entity, typename="demo/buyer"):
            @answers
            def priced(self, answer: int | NoAnswer) -> str:
                if isinstance(answer, NoAnswer):
                    return f"no price from {answer.target}: {answer.reason}"
                return f"{answer} cents"

    Args:
        target: target of the question; None for a ``reply_address``.
        reason: ``"timeout"``; or ``"failed"``: the target gave the message up, or the ask was cancelled.
        error: the text of the error, if it failed.
    """

    target: Address | None
    reason: str
    error: str = ""
