"""Isolates the messages of a batch from each other: each sees state as it would in a batch of its own.

A value that is shared (with another field, an object of the module, a task that was left running), or that would be
read back differently (an int in a field of float), is written, and read again on its next access. All other values stay
in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from gc import get_referents
from typing import Any as Untyped
from typing import Final, Protocol

from statefun_actors.definition import Scope

_UNSET: Final = object()


class Holder(Protocol):
    """A field and its slot."""

    name: str
    unshared: Callable[[Untyped, int], bool] | None
    get: Callable[[Untyped], object]
    delete: Callable[[Untyped], None]


def isolation(
    fields: Iterable[Holder], bare: int, settle: Callable[[Untyped, Scope], None]
) -> Callable[[Untyped, Scope], None] | None:
    """A function that isolates two messages of a batch; None if no field needs it.

    Args:
        fields: fields of the class.
        bare: number of referents of an instance without fields.
        settle: copies changes to the scope; raises FieldMismatchError, which then is the message's error.
    """
    shareable = [(field, field.name, field.get, field.unshared) for field in fields if field.unshared is not None]
    if not shareable:
        return None

    def isolate(subject: Untyped, scope: Scope) -> None:
        seen, unseen = scope.seen, -1
        shared: list[Holder] | None = None
        for field, name, get, unshared in shareable:
            if name in seen:
                held = get(subject)
                # ``seen`` holds values that are unchanged since they were read, too.
                if held is None or unshared(held, 1 if held is seen[name] else 0):
                    continue
            else:
                if unseen < 0:
                    unseen = len(get_referents(subject)) - bare - len(seen)
                if not unseen:
                    continue
                try:
                    held = get(subject)
                except AttributeError:
                    continue
                if held is None or unshared(held, 0):
                    continue
            shared = [field] if shared is None else [*shared, field]
        if shared:
            settle(subject, scope)
            for field in shared:
                field.delete(subject)
                seen.pop(field.name, None)

    return isolate
