"""``MoveStoppedError``: why a move has not begun, or has stopped before its end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import short_address
from statefun_actors.errors import StatefunActorsError

_AGAIN: Final = "Run the command again within a day: what has arrived counts once."


class Refused(Struct, frozen=True):
    """A part of the store that the job, or Kafka, refused."""

    address: Address
    reason: str

    def __str__(self) -> str:
        text = f"{short_address(self.address)} was not restored: "
        return self.reason if self.reason.startswith(text) else text + self.reason


class MoveStoppedError(StatefunActorsError):
    """A move has stopped before its end. What has arrived stays, and counts once if the move is repeated.

    Args:
        reason: why it has stopped.
        refused: what the job refused.
        advice: what to do.
    """

    retryable = True

    def __init__(self, reason: str, refused: Iterable[Refused] = (), advice: str = _AGAIN) -> None:
        self.reason, self.advice = reason, advice
        self.refused = tuple(sorted(refused, key=lambda each: each.address))
        super().__init__(self.reason, self.refused, self.advice)

    def __str__(self) -> str:
        return f"{self.reason}. {self.advice}"
