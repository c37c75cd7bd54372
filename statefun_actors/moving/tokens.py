"""Refuses a store with two delayed messages whose cancellation tokens are one and the same in Flink."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.asking import short_address
from statefun_actors.dispatch import Application
from statefun_actors.errors import StatefunActorsError


class SharedTokenError(StatefunActorsError, ValueError):
    """Two delayed messages of different senders have one cancellation token in Flink. Nothing was moved.

    Args:
        first: a sender.
        second: the other one, which has the same id.
        token: the token.
    """

    def __init__(self, first: Address, second: Address, token: str) -> None:
        super().__init__(first, second, token)
        self.first, self.second, self.token = first, second, token

    def __str__(self) -> str:
        return (
            f"{short_address(self.first)} and {short_address(self.second)} have each sent a delayed message with the "
            f"cancellation token {self.token!r}. Flink tells tokens of functions apart by the id of their sender only, "
            "and would fail the job. Nothing was moved. Run the engine until one of them came due or is cancelled, "
            "then run the command again."
        )


class Tokens:
    """The cancellation tokens of delayed messages, as Flink has them."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._senders: dict[tuple[str, str], Address] = {}

    def add(self, sender: Address, token: str) -> None:
        """A delayed message of *sender* with *token*.

        Raises:
            SharedTokenError: another sender has this token in Flink.
        """
        written = f"{sender.typename}:{token}" if self._app.all_served[sender.typename].function.owns_tokens else token
        first = self._senders.setdefault((sender.id, written), sender)
        if first != sender:
            raise SharedTokenError(first, sender, token)
