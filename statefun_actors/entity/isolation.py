"""Between two messages of a batch: what the next one finds is what it would find in a batch of its own.

A value that something else holds as well (another field, an object of the module, a task that was left behind), or that
would be read back as another one (an int in a field of float), is written, and read again when it is next asked for.
All others stay in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from gc import get_referents
from typing import Any as Untyped
from typing import Final, Protocol

from statefun_actors.definition import Scope

_UNSET: Final = object()


class Holder(Protocol):
    """A field and the slot that holds it."""

    name: str
    alone: Callable[[Untyped, int], bool] | None
    get: Callable[[Untyped], object]
    delete: Callable[[Untyped], None]


def isolation(
    fields: Iterable[Holder], bare: int, settle: Callable[[Untyped, Scope], None]
) -> Callable[[Untyped, Scope], None] | None:
    """What isolates the messages of a batch from each other; None where no field needs that.

    Args:
        fields: of the class.
        bare: how many objects an instance holds beside the values of its fields.
        settle: moves what changed into the scope; raises FieldMismatchError, which then is the message's error.
    """
    shareable = [(field, field.name, field.get, field.alone) for field in fields if field.alone is not None]
    if not shareable:
        return None

    def isolate(subject: Untyped, scope: Scope) -> None:
        seen, unseen = scope.seen, -1
        shared: list[Holder] | None = None
        for field, name, get, alone in shareable:
            if name in seen:
                held = get(subject)
                # What is as it was read is held by ``seen``, too.
                if held is None or alone(held, 1 if held is seen[name] else 0):
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
                if held is None or alone(held, 0):
                    continue
            shared = [field] if shared is None else [*shared, field]
        if shared:
            settle(subject, scope)
            for field in shared:
                field.delete(subject)
                seen.pop(field.name, None)

    return isolate
