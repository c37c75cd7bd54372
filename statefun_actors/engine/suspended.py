"""``SuspendedBatches``: the places of batches that are suspended, so that one function type can't use all of them."""

from __future__ import annotations

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.options import EngineOptions
from statefun_actors.engine.shares import Shares
from statefun_actors.store import size_of


class Suspended(Struct, frozen=True):
    """A suspended batch of *address*, with the number and the bytes of its messages, which stay in memory."""

    address: Address
    messages: int
    bytes: int


class SuspendedBatches:
    """Counts suspended batches, their messages and the bytes of these, each in shares of the limits in *options*."""

    def __init__(self, options: EngineOptions) -> None:
        self._batches = Shares(options.suspended)
        self._messages = Shares(options.held)
        self._bytes = Shares(options.held_bytes)

    def begin(self, mailbox: Mailbox) -> Suspended:
        """The batch of *mailbox* that is in flight is suspended; returns what :meth:`end` needs."""
        batch = Suspended(mailbox.address, len(mailbox.running), sum(map(size_of, mailbox.running)))
        self._add(batch, 1)
        return batch

    def end(self, batch: Suspended) -> None:
        """*batch* has ended."""
        self._add(batch, -1)

    def full(self, typename: str) -> bool:
        """Whether no further batch of *typename* may begin now."""
        return self._batches.full(typename) or self._messages.full(typename) or self._bytes.full(typename)

    def _add(self, batch: Suspended, sign: int) -> None:
        typename = batch.address[0]
        self._batches.add(typename, sign)
        self._messages.add(typename, sign * batch.messages)
        self._bytes.add(typename, sign * batch.bytes)
