"""The messages around one message, from the one that began it all, as arrows between entities in their order.

Arrows are found by the numbers of messages, which the history of the sender and of the target have. Asks go through
functions of the library, which are left out: the arrow of a question ends at its target, that of the answer at the
asker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.views.history import names_of
from statefun_actors.admin.views.history_items import (
    HistoryItem,
    function_of,
    items_of,
    own_or_none,
    sent_item,
)
from statefun_actors.asking import ANSWER, ORDER, OWN_FUNCTIONS, REPLY, short_address
from statefun_actors.dispatch import Application
from statefun_actors.history import EGRESS, LATER, SEND, Entry, Out, Place, RecordedMessage, find_sent, read_entries
from statefun_actors.model import INGRESS
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec

MOST_ARROWS: Final = 200
_MOST_READ: Final = 500
"""Entries of one entity that are searched."""
_MOST_UP: Final = 100
OUTSIDE: Final = "outside"
"""The name of callers outside the application."""


class Arrow(Struct, frozen=True):
    """A message, a delayed message or an egress record.

    Args:
        sender: the entity, or ``outside``, as text.
        target: the entity, an egress, or ``outside``, as text.
        kind: as of :class:`~.history_items.SentItem`; ``response`` to a caller outside.
        address: the target, if that is an entity or a function of the application.
        handled: what its target did with it; None if that is not recorded, or has not happened.
        chosen: whether it is the message whose conversation this is.
    """

    sender: str
    target: str
    kind: str
    typename: str
    value: object
    address: Address | None
    handled: HistoryItem | None
    chosen: bool = False
    after: float = 0.0


class Conversation(Struct, frozen=True):
    """*arrows* in their order, and whether they are all that is recorded. *names*: of all senders and targets."""

    arrows: Sequence[Arrow]
    names: Sequence[str]
    complete: bool


class _At(Struct, frozen=True):
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


def view_conversation(
    store: StoreReader,
    address: Address,
    place: Place,
    message: int,
    app: Application | None = None,
    known: Mapping[str, Codec] | None = None,
) -> Conversation | None:
    """The conversation of the message *message* of the entry at *place* in the history of *address*.

    None if it is not there (any more).

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    search = _Search(store, app, known)
    for each, entry in read_entries(store, names_of(app, address), Place(place.row, place.at + 1)):
        if each == place and 0 <= message < len(entry.messages):
            chosen = _At(address, each, entry, message)
            return _Drawing(search, chosen).whole(search.root(chosen))
        break
    return None


class _Search:
    """Finds who sent a message, and who handled it. It reads the history of each entity once."""

    def __init__(self, store: StoreReader, app: Application | None, known: Mapping[str, Codec] | None) -> None:
        self.store, self.app, self.known = store, app, known
        self._handled: dict[Address, list[_At]] = {}

    def handled_by(self, address: Address) -> list[_At]:
        """The messages that *address* handled, newest first."""
        found = self._handled.get(address)
        if found is None:
            entries = islice(read_entries(self.store, names_of(self.app, address)), _MOST_READ)
            found = self._handled[address] = [
                _At(address, place, entry, index)
                for place, entry in entries
                for index in range(len(entry.messages) - 1, -1, -1)
            ]
        return found

    def root(self, at: _At) -> _At:
        """The message that *at* follows from, as far as that is recorded."""
        for _ in range(_MOST_UP):
            sender = self.sender(at)
            if sender is None:
                break
            at = sender
        return at

    def sender(self, at: _At) -> _At | None:
        """The message whose handler sent *at*."""
        caller = at.message.caller
        if caller is None or caller[0] == INGRESS:
            return None
        address = self.current(*caller)
        for each in self.handled_by(address):
            if any(out.seq == at.message.seq for out in each.out if out.kind == SEND):
                return each
        for each in self.handled_by(address):  # a delayed message gets another number when it is due
            if any(self._is_delayed(out, each, at) for out in each.out):
                return each
        if address.typename == REPLY:
            answered = at.message.value[0] == ANSWER
            senders = [each for each in self._senders_to(address) if each.entry.at_ms <= at.entry.at_ms]
            fitting = (each for each, is_ask in senders_of(senders, address) if is_ask != answered)
            return next((each for each in fitting if (each.place, each.index) != (at.place, at.index)), None)
        return None

    def _senders_to(self, function: Address) -> list[_At]:
        """The messages whose handlers sent something to *function*, one of the library's."""
        found = []
        for place, entry in islice(find_sent(self.store, function), _MOST_READ):
            for index in range(len(entry.messages)):
                at = _At(self.current(entry.type, entry.id), place, entry, index)
                if any((out.to, out.id) == tuple(function) for out in at.out):
                    found.append(at)
        return found

    def target(self, sender: _At, out: Out) -> _At | None:
        """The handled message that *out*, which the handler of *sender* sent, became."""
        address = self.current(out.to, out.id)
        for at in self.handled_by(address):
            if out.kind == SEND and at.message.seq == out.seq:
                return at
        if out.kind == LATER:
            due = [at for at in self.handled_by(address) if self._is_delayed(out, sender, at)]
            return min(due, key=lambda at: at.entry.at_ms, default=None)
        return None

    def followed(self, function: tuple[str, str], *, ask: bool) -> _At | None:
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

    def _is_delayed(self, out: Out, sender: _At, at: _At) -> bool:
        return (
            out.kind == LATER
            and self.current(out.to, out.id) == at.address
            and out.value == at.message.value
            and at.message.caller is not None
            and self.current(*at.message.caller) == sender.address
            and sender.entry.at_ms + out.delay_ms <= at.entry.at_ms
        )

    def current(self, typename: str, id: str) -> Address:
        address: Address = tuple.__new__(Address, (typename, id))
        return address if self.app is None else self.app.current(address)


class _Drawing:
    """Collects the arrows from one message on."""

    def __init__(self, search: _Search, chosen: _At) -> None:
        self._search, self._chosen = search, (chosen.place, chosen.index)
        self._arrows: list[Arrow] = []
        self._names: dict[str, None] = {}
        self._drawn: set[tuple[Place, int]] = set()
        self._complete = True

    def whole(self, root: _At) -> Conversation:
        caller = root.message.caller
        first = OUTSIDE if caller is None or caller[0] == INGRESS else short_address(self._search.current(*caller))
        self._is_new(root)
        self._add(first, "message", root, 0.0)
        self._follow(root)
        return Conversation(self._arrows, list(self._names), self._complete)

    def _follow(self, at: _At) -> None:
        """Add what the handler of *at* sent, and what followed from that, each sender before its targets."""
        waiting = self._of(at)
        while waiting:
            sender, name, out = waiting.pop(0)
            if len(self._arrows) >= MOST_ARROWS:
                self._complete = False
                return
            if out.kind == EGRESS:
                self._sent(name, f"egress {out.to}", out)
                continue
            if out.kind not in {SEND, LATER}:
                continue
            if out.to == INGRESS:
                self._sent(name, OUTSIDE, out, "response")
                continue
            target = self._search.target(sender, out)
            if out.to in OWN_FUNCTIONS:
                waiting[:0] = self._through(name, out, target)
            elif target is None:
                self._sent(name, short_address(self._search.current(out.to, out.id)), out)
            elif self._is_new(target):
                self._add(name, self._kind(sender, out), target, out.delay_ms / 1000)
                waiting[:0] = self._of(target)

    @staticmethod
    def _kind(sender: _At, out: Out) -> str:
        if out.value is not None and out.value[0] == ANSWER:
            return "answer"
        if sender.address.typename == REPLY:
            return "ask"
        return "delayed message" if out.kind == LATER else "message"

    def _through(self, name: str, out: Out, target: _At | None) -> list[tuple[_At, str, Out]]:
        """What *out*, to a function of the library, leads to: its question, or an answer to one."""
        if out.kind != SEND:
            return []
        if target is not None:
            return [(target, name, each) for each in target.out] if self._is_new(target) else []
        followed = self._search.followed((out.to, out.id), ask=is_order(out))
        if followed is None:
            item = sent_item(out, self._search.known)
            if item.kind == "ask" and item.address is not None:
                self._sent(name, item.to, out)
            return []
        if not self._is_new(followed):
            return []
        self._add(name, "ask" if is_order(out) else "answer", followed, 0.0)
        return self._of(followed)

    @staticmethod
    def _of(at: _At) -> list[tuple[_At, str, Out]]:
        return [(at, short_address(at.address), out) for out in at.out]

    def _is_new(self, at: _At) -> bool:
        key = (at.place, at.index)
        if key in self._drawn:
            return False
        self._drawn.add(key)
        return True

    def _add(self, sender: str, kind: str, at: _At, after: float) -> None:
        """The arrow of a message that was handled."""
        items = items_of(at.place, at.entry, function_of(self._search.app, at.address.typename), self._search.known)
        item, target = items[at.index], short_address(at.address)
        chosen = (at.place, at.index) == self._chosen
        self._names |= dict.fromkeys((sender, target))
        address = own_or_none(at.address)
        self._arrows.append(Arrow(sender, target, kind, item.typename, item.value, address, item, chosen, after))

    def _sent(self, sender: str, target: str, out: Out, kind: str = "") -> None:
        """The arrow of what was sent, and not handled as far as is recorded."""
        item = sent_item(out, self._search.known)
        self._names |= dict.fromkeys((sender, target))
        self._arrows.append(
            Arrow(sender, target, kind or item.kind, item.typename, item.value, item.address, None, after=item.after)
        )


def is_order(out: Out) -> bool:
    """Whether *out*, to a function of the library, is an order, such as an ask, and not an answer."""
    return out.value is not None and out.value[0] == ORDER


def senders_of(senders: Sequence[_At], function: Address) -> list[tuple[_At, bool]]:
    """*senders* to *function*, each with whether it sent an order."""
    return [(at, is_order(out)) for at in senders for out in at.out if (out.to, out.id) == tuple(function)]
