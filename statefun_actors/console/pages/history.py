"""What happened to an entity, and the conversation of one of its messages as a sequence diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from statefun_actors.address import Address
from statefun_actors.admin import Conversation, HistoryItem, history_place, view_conversation, view_history
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.console.look import Look, Page
from statefun_actors.console.pages.paging import ROWS, number
from statefun_actors.console.values import label
from statefun_actors.history import NEWER_SHOWN, DamagedHistoryError, read_keep
from statefun_actors.store import StoreError
from statefun_actors.text import shortened

NEWEST: Final = 10
"""Items on the page of the entity."""
_SEARCH_SECONDS: Final = 5.0
"""Of the search for a conversation in a thread."""
_SEARCH_SECONDS_ON_LOOP: Final = 0.05
"""Of the search in a store in memory, which holds the engine's event loop."""
_COLUMN: Final = 190
_ROW: Final = 46
_HEAD: Final = 56
_NAME: Final = 24
_WORD: Final = 30


@attrs.frozen
class Line:
    """One arrow of the diagram: its row, the middles of its columns, and the text above it."""

    y: int
    x1: int
    x2: int
    text: str
    kind: str

    @property
    def to_itself(self) -> bool:
        return self.x1 == self.x2

    @property
    def text_x(self) -> int:
        return self.x1 + 30 if self.to_itself else (self.x1 + self.x2) // 2

    @property
    def head(self) -> str:
        """The points of the arrow's head."""
        if self.to_itself:
            return f"{self.x1 + 2},{self.y + 14} {self.x1 + 10},{self.y + 9} {self.x1 + 10},{self.y + 19}"
        back = -8 if self.x2 > self.x1 else 8
        return f"{self.x2},{self.y} {self.x2 + back},{self.y - 5} {self.x2 + back},{self.y + 5}"


@attrs.frozen
class Diagram:
    """A sequence diagram, in pixels."""

    width: int
    height: int
    columns: Sequence[tuple[int, str, str]]
    """The middle of each, the first part of its name, and the rest of it."""
    lines: Sequence[Line]


def history(look: Look, query: Mapping[str, str]) -> Page:
    """The history of the entity of the type ``type`` with the id ``id``, older than the place ``before``.

    ``left`` is the number of messages that the pages before this one left of those that are kept.
    """
    address = _address(look, query)
    if address is None:
        return _missing("Expected an entity, such as bank/account/ada, of a type that is served or stored here.")
    before, keep = query.get("before", ""), read_keep(look.store)
    left = max(0, min(number(query, "left", keep), keep))
    items, more, problem = items_of(look, address, ROWS, before, left)
    places = [item.place for item in items if item.place]
    content = {
        "address": address,
        "rows": items,
        "more": places[-1] if more else None,
        "left": left - len(places),
        "before": before,
        "problem": problem,
        "keep": keep,
    }
    return Page(template="history.html", title="History", content=content)


def items_of(
    look: Look, address: Address, most: int, before: str = "", left: int | None = None
) -> tuple[list[HistoryItem], bool, str]:
    """Items of *address* older than *before*, at most *left*; whether there are more; a problem.

    At most *most*, and the gaps between them. The next page begins at the place of the last item. A gap has none, so a
    page that has a next one does not end with a gap.
    """
    items: list[HistoryItem] = []
    try:
        for item in view_history(look.store, address, look.app, look.known, before, left):
            if most == 0:
                return items, True, ""
            items.append(item)
            most -= 1 if item.place else 0
        return items, False, ""
    except ValueError as error:
        return [], False, _sentence(error)
    except DamagedHistoryError as error:
        return items, False, f"{error} {NEWER_SHOWN}" if items else str(error)
    except StoreError as error:
        return items, False, str(error)


def conversation(look: Look, query: Mapping[str, str]) -> Page:
    """The conversation of the message at ``place`` in the history of the entity of the type ``type`` with ``id``."""
    address = _address(look, query)
    if address is None:
        return _missing("Expected an entity, such as bank/account/ada, of a type that is served or stored here.")
    try:
        place, message = history_place(query.get("place", ""))
        seconds = _SEARCH_SECONDS if look.path is not None else _SEARCH_SECONDS_ON_LOOP
        found = view_conversation(look.store, address, place, message, look.app, look.known, seconds=seconds)
    except ValueError as error:
        return _missing(_sentence(error))
    except StoreError as error:
        return _missing(f"The history can't be read: {error}")
    if found is None:
        return _missing("This message is not in the history any more.")
    content = {"address": address, "found": found, "diagram": drawn(found)}
    return Page(template="conversation.html", title="Conversation", content=content)


def drawn(conversation: Conversation) -> Diagram:
    """The diagram of *conversation*: a column for each name, and a row for each arrow."""
    middle = {name: _COLUMN // 2 + _COLUMN * at for at, name in enumerate(conversation.names)}
    lines = [
        Line(
            _HEAD + _ROW * (at + 1) - 12,
            middle[arrow.sender],
            middle[arrow.target],
            f"{at + 1}. {shortened(label(arrow.typename or arrow.kind), _WORD)}",
            _class(arrow.chosen, arrow.kind, None if arrow.handled is None else arrow.handled.outcome),
        )
        for at, arrow in enumerate(conversation.arrows)
    ]
    columns = [(x, *_split(name)) for name, x in middle.items()]
    return Diagram(_COLUMN * len(middle), _HEAD + _ROW * (len(lines) + 1), columns, lines)


def _split(name: str) -> tuple[str, str]:
    """The type and the id of an address; another name whole."""
    parts = name.split("/", 2)
    head, rest = ("/".join(parts[:2]), parts[2]) if len(parts) > 2 else (name, "")
    return shortened(label(head), _NAME), shortened(label(rest), _NAME)


def _class(chosen: bool, kind: str, outcome: str | None) -> str:
    if outcome not in {None, "handled"}:
        return "failed"
    if chosen:
        return "chosen"
    return "later" if kind == "delayed message" or outcome is None else "plain"


def _address(look: Look, query: Mapping[str, str]) -> Address | None:
    typename, id = query.get("type", ""), query.get("id", "")
    if not id or typename in OWN_FUNCTIONS or typename not in look.types():
        return None
    return Address(typename, id)


def _sentence(error: ValueError) -> str:
    """The text of an error about a place, as a sentence."""
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _missing(text: str) -> Page:
    return Page(template="message.html", title="Not in the history", content={"text": text}, status=404)
