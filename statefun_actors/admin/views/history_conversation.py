"""The messages around one message, from the one that began it all, as arrows between entities in their order.

Arrows are found by the numbers of messages, which the history of the sender and of the target have. Asks go through
functions of the library, which are left out: the arrow of a question ends at its target, that of the answer at the
asker.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
from statefun_actors.admin.views.history_search import ConversationSearch, HandledMessage, is_order
from statefun_actors.asking import ANSWER, OWN_FUNCTIONS, REPLY, short_address
from statefun_actors.dispatch import Application
from statefun_actors.history import EGRESS, LATER, SEND, Kind, Out, Place, read_entries
from statefun_actors.model import INGRESS
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec

MOST_ARROWS: Final = 200
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


def view_conversation(
    store: StoreReader,
    address: Address,
    place: Place,
    message: int,
    app: Application | None = None,
    known: Mapping[str, Codec] | None = None,
    *,
    seconds: float,
) -> Conversation | None:
    """The conversation of the message *message* of the entry at *place* in the history of *address*.

    None if it is not there (any more). The search ends after about *seconds*, with what it has found until then: each
    entity is looked for in the keys of all rows, which can be 100 ms for a full history.

    Raises:
        StoreError: the store can't be read, or a row of its history is damaged.
    """
    search = ConversationSearch(store, app, known, time.monotonic() + seconds)
    for each, entry in read_entries(store, names_of(app, address), Place(place.row, place.at + 1)):
        if each == place and 0 <= message < len(entry.messages) and entry.kind != Kind.DISCARDED:
            chosen = HandledMessage(address, each, entry, message)
            return _Drawing(search, chosen).whole(search.root(chosen))
        break
    return None


class _Drawing:
    """Collects the arrows from one message on."""

    def __init__(self, search: ConversationSearch, chosen: HandledMessage) -> None:
        self._search, self._chosen = search, (chosen.place, chosen.index)
        self._arrows: list[Arrow] = []
        self._names: dict[str, None] = {}
        self._drawn: set[tuple[Place, int]] = set()
        self._complete = True

    def whole(self, root: HandledMessage) -> Conversation:
        caller = root.message.caller
        first = OUTSIDE if caller is None or caller[0] == INGRESS else short_address(self._search.current(*caller))
        self._is_new(root)
        self._add(first, "message", root, 0.0)
        self._follow(root)
        return Conversation(self._arrows, list(self._names), self._complete and not self._search.cut)

    def _follow(self, at: HandledMessage) -> None:
        """Add what the handler of *at* sent, and what followed from that, each sender before its targets."""
        waiting = self._of(at)
        while waiting:
            sender, name, out = waiting.pop(0)
            if len(self._arrows) >= MOST_ARROWS or self._search.is_over():
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
            if target is None and self._search.cut:  # it may have been handled
                return
            if out.to in OWN_FUNCTIONS:
                waiting[:0] = self._through(name, out, target)
            elif target is None:
                self._sent(name, short_address(self._search.current(out.to, out.id)), out)
            elif self._is_new(target):
                self._add(name, self._kind(sender, out), target, out.delay_ms / 1000)
                waiting[:0] = self._of(target)

    @staticmethod
    def _kind(sender: HandledMessage, out: Out) -> str:
        if out.value is not None and out.value[0] == ANSWER:
            return "answer"
        if sender.address.typename == REPLY:
            return "ask"
        return "delayed message" if out.kind == LATER else "message"

    def _through(self, name: str, out: Out, target: HandledMessage | None) -> list[tuple[HandledMessage, str, Out]]:
        """What *out*, to a function of the library, leads to: its question, or an answer to one."""
        if out.kind != SEND:
            return []
        if target is not None:
            return [(target, name, each) for each in target.out] if self._is_new(target) else []
        followed = self._search.followed((out.to, out.id), ask=is_order(out))
        if followed is None and self._search.cut:
            return []
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
    def _of(at: HandledMessage) -> list[tuple[HandledMessage, str, Out]]:
        return [(at, short_address(at.address), out) for out in at.out]

    def _is_new(self, at: HandledMessage) -> bool:
        key = (at.place, at.index)
        if key in self._drawn:
            return False
        self._drawn.add(key)
        return True

    def _add(self, sender: str, kind: str, at: HandledMessage, after: float) -> None:
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
