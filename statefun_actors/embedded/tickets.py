"""Who waits outside for what a message comes to. They are told once its epoch is durable, never before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from statefun_actors.dispatch import describe_error
from statefun_actors.embedded.epoch import Epoch
from statefun_actors.embedded.requests import Requests
from statefun_actors.embedded.store import StoreReader
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import Address, TypedValue

INGRESS: Final = "statefun-actors/ingress"
"""The function type of those who ask from outside; the id is the request's."""


class EpochLostError(StatefunActorsError):
    """The commit that held this message failed, and nothing of it happened. A retry can help."""

    retryable = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not stored, so send it again: {self.reason}"


class AnswerLostError(StatefunActorsError):
    """The store failed after this message was stored: it is handled even so, but nobody can tell what comes of it.

    A retry would have it handled twice, unless it comes under the idempotency key of the first.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"stored, so don't send it again; what comes of it can't be told: {self.reason}"


@attrs.define(eq=False)
class Ticket:
    """What to do with what becomes of one message from outside. Each is called once at the most."""

    on_reply: Callable[[TypedValue], None] | None = None
    on_handled: Callable[[BaseException | None], None] | None = None
    """With the error of a message that was dead-lettered or discarded."""
    on_lost: Callable[[EpochLostError | AnswerLostError], None] | None = None
    request: str | None = None
    """The id under which it is open."""


def reason_of(error: BaseException) -> str:
    """What is told of *error* to whoever sent the message."""
    return f"{type(error).__name__}: {describe_error(error)}"


class Tickets:
    """Open requests by the id under which they are the caller of their message."""

    def __init__(self, store: StoreReader) -> None:
        self._open: dict[str, Ticket] = {}
        self.durable_seq = 0
        """The messages of requests with smaller numbers are in the store, or have been dealt with there."""
        self.requests = Requests(store)
        """Those who asked with an idempotency key. They have no tickets: more than one may wait for the same."""

    def open(self, request: str, ticket: Ticket) -> Address:
        """The caller that stands for *ticket*."""
        self._open[request] = ticket
        ticket.request = request
        return tuple.__new__(Address, (INGRESS, request))  # well formed, for certain

    def close(self, ticket: Ticket) -> None:
        """Nobody waits for *ticket* any more."""
        if ticket.request is not None and self._open.get(ticket.request) is ticket:
            del self._open[ticket.request]

    def stored(self, ticket: Ticket) -> bool:
        """Whether the message of *ticket* is durable."""
        return ticket.request is not None and int(ticket.request) < self.durable_seq

    def reply(self, request: str, value: TypedValue, epoch: Epoch) -> None:
        """The first reply to *request* counts."""
        if self.requests.by_caller:
            self.requests.reply(request, value, epoch)
        ticket = self._open.get(request)
        if ticket is not None and (tell := ticket.on_reply) is not None:
            ticket.on_reply = None
            epoch.told.append((tell, value))

    def handled(self, request: str, error: BaseException | None, epoch: Epoch) -> None:
        """The message of *request* is dealt with."""
        if self.requests.by_caller:
            self.requests.handled(request, None if error is None else reason_of(error), epoch)
        ticket = self._open.get(request)
        if ticket is not None and (tell := ticket.on_handled) is not None:
            ticket.on_handled = None
            epoch.told.append((tell, error))

    def lose(self, error: EpochLostError) -> None:
        """Nobody can be told any more."""
        held, self._open = self._open, {}
        for ticket in held.values():
            if ticket.on_lost is not None:
                ticket.on_lost(AnswerLostError(error.reason) if self.stored(ticket) else error)
        self.requests.lose(error.reason)
