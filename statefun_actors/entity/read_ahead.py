"""``ReadAhead``: the fields that batches read, by their first messages. Decoding them at once costs a third."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final, TypeAlias

from statefun_actors.entity.field import EntityField

_MOST_FIELDS: Final = 4
_MOST_OTHER_TYPES: Final = 16
"""Types without a handler of their own. An ``Any`` handler takes them, and senders can choose any."""


Ahead: TypeAlias = "tuple[str, str, str, Callable[[bytes], object], Callable[[object, object], None]]"
"""Of a field: its name, the name of its state, its typename, its decoder, and the function that sets its slot."""


class ReadAhead(dict[str, list[Ahead]]):
    """The fields to decode when a batch begins, by the type of its first message.

    Args:
        handled: the types that have a handler of their own.
    """

    def __init__(self, handled: Collection[str]) -> None:
        super().__init__()
        self._handled = handled
        self._most = len(handled) + _MOST_OTHER_TYPES

    def note(self, first: str, field: EntityField) -> None:
        """A batch whose first message is of type *first* has read *field*."""
        fields = self.get(first)
        if fields is None:
            if first not in self._handled and len(self) >= self._most:
                return
            fields = self[first] = []
        if len(fields) < _MOST_FIELDS and all(field.name != name for name, *_ in fields):
            fields.append((field.name, field.state_name, field.typename, field.decode, field.set))
