"""Finds in the histories of entities who sent a message, who handled it, and what followed from an ask."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.views.history import names_of
from statefun_actors.admin.views.history_items import sent_item
from statefun_actors.asking import ANSWER, ORDER, REPLY
from statefun_actors.dispatch import Application
from statefun_actors.history import LATER, SEND, Entry, Kind, Out, Place, RecordedMessage, find_sent, read_entries
from statefun_actors.model import INGRESS
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec

_MOST_READ: Final = 500
"""Entries of one entity that are searched."""
_MOST_UP: Final = 100


class HandledMessage(Struct, frozen=True):
    """A handled message: in the history of *address*, the message *index* of the entry at *place*."""

    address: Address
    place: Place
    entry: Entry
    index: int

    @property
    def message(self) -> RecordedMessage:
        return self.entry.messages[self.index]

    @property
    def out(self) -> Sequence[Out]:
        """What it sent."""
        messages = self.entry.messages
        begin = messages[self.index - 1].mark if self.index else 0
        return self.entry.out[begin : self.message.mark if self.index < len(messages) - 1 else None]


class ConversationSearch:
    """Finds who sent a message, and who handled it. It reads the history of each entity once."""

    def __init__(
        self, store: StoreReader, app: Application | None, known: Mapping[str, Codec] | None, deadline: float
    ) -> None:
        self.store, self.app, self.known, self._deadline = store, app, known, deadline
        self.cut = False
        self._handled: dict[Address, list[HandledMessage]] = {}

    def is_over(self) -> bool:
        """Whether it has taken as long as it may, so that it is :attr:`cut` short."""
        if time.monotonic() > self._deadline:
            self.cut = True
        return self.cut

    def handled_by(self, address: Address) -> list[HandledMessage]:
        """The messages that *address* handled, newest first; the first of them where the search is over."""
        found = self._handled.get(address)
        if found is None:
            found = self._handled[address] = []
            for place, entry in islice(read_entries(self.store, names_of(self.app, address)), _MOST_READ):
                if self.is_over():
                    break
                if entry.kind == Kind.DISCARDED:
                    continue
                found.extend(
                    HandledMessage(address, place, entry, index) for index in range(len(entry.messages) - 1, -1, -1)
                )
        return found

    def root(self, at: HandledMessage) -> HandledMessage:
        """The message that *at* follows from, as far as that is recorded."""
        for _ in range(_MOST_UP):
            sender = self.sender(at)
            if sender is None or self.is_over():
                break
            at = sender
        return at

    def sender(self, at: HandledMessage) -> HandledMessage | None:
        """The message whose handler sent *at*."""
        caller = at.message.caller
        if caller is None or caller[0] == INGRESS:
            return None
        address = self.current(*caller)
        for each in self.handled_by(address):
            if any(out.seq == at.message.seq for out in each.out if out.kind == SEND):
                return each
        if self.is_over():  # it may be among those that were not read
            return None
        for each in self.handled_by(address):  # such a message gets another number when it is due, or has arrived
            if any(self._is_on_the_way(out, each, at) for out in each.out):
                return each
        if address.typename == REPLY:
            answered = at.message.value[0] == ANSWER
            senders = [each for each in self._senders_to(address) if each.entry.at_ms <= at.entry.at_ms]
            fitting = (each for each, is_ask in senders_of(senders, address) if is_ask != answered)
            return next((each for each in fitting if (each.place, each.index) != (at.place, at.index)), None)
        return None

    def _senders_to(self, function: Address) -> list[HandledMessage]:
        """The messages whose handlers sent something to *function*, one of the library's, as :meth:`handled_by`."""
        found: list[HandledMessage] = []
        for place, entry in islice(find_sent(self.store, function), _MOST_READ):
            if self.is_over():
                break
            for index in range(len(entry.messages)):
                at = HandledMessage(self.current(entry.type, entry.id), place, entry, index)
                if any((out.to, out.id) == tuple(function) for out in at.out):
                    found.append(at)
        return found

    def target(self, sender: HandledMessage, out: Out) -> HandledMessage | None:
        """The handled message that *out*, which the handler of *sender* sent, became."""
        address = self.current(out.to, out.id)
        for at in self.handled_by(address):
            if out.kind == SEND and at.message.seq == out.seq:
                return at
        if not (out.kind == SEND and out.seq) and not self.is_over():
            found = [at for at in self.handled_by(address) if self._is_on_the_way(out, sender, at)]
            return min(found, key=lambda at: at.entry.at_ms, default=None)
        return None

    def followed(self, function: tuple[str, str], *, ask: bool) -> HandledMessage | None:
        """What followed from a message to *function*, of the library: the question of an *ask*, or the answer to it."""
        address = self.current(*function)
        for sender, is_ask in senders_of(self._senders_to(address), address):
            if is_ask:
                target = sender.address
                if ask:
                    orders = (sent_item(out, None) for out in sender.out if (out.to, out.id) == function)
                    target = next((item.address for item in orders if item.address is not None), sender.address)
                for at in self.handled_by(target):
                    if at.message.caller == function and (at.message.value[0] == ANSWER) != ask:
                        return at
        return None

    def _is_on_the_way(self, out: Out, sender: HandledMessage, at: HandledMessage) -> bool:
        """Whether *at* may be what *out* became: a delayed message, or one to another partition."""
        return (
            (out.kind == LATER or (out.kind == SEND and not out.seq))
            and self.current(out.to, out.id) == at.address
            and out.value == at.message.value
            and at.message.caller is not None
            and self.current(*at.message.caller) == sender.address
            and sender.entry.at_ms + out.delay_ms <= at.entry.at_ms
        )

    def current(self, typename: str, id: str) -> Address:
        address: Address = tuple.__new__(Address, (typename, id))
        return address if self.app is None else self.app.current(address)


def is_order(out: Out) -> bool:
    """Whether *out*, to a function of the library, is an order, such as an ask, and not an answer."""
    return out.value is not None and out.value[0] == ORDER


def senders_of(senders: Sequence[HandledMessage], function: Address) -> list[tuple[HandledMessage, bool]]:
    """*senders* to *function*, each with whether it sent an order."""
    return [(at, is_order(out)) for at in senders for out in at.out if (out.to, out.id) == tuple(function)]
