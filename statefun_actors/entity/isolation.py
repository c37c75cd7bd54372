"""Isolates the messages of a batch from each other: each sees state as it would in a batch of its own.

A value that is shared (with another field, an object of the module, a task that was left running), or that would be
read back differently (an int in a field of float), is written, and read again on its next access. All other values stay
in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from gc import get_referents
from operator import attrgetter
from typing import Any as Untyped
from typing import Protocol, TypeAlias

from statefun_actors.definition import Scope
from statefun_actors.types import IN_PLACE, count_references, unshared_value

Isolate: TypeAlias = Callable[[Untyped, Scope], None]


class Holder(Protocol):
    """A field and its slot."""

    name: str
    unshared: Callable[[Untyped, int], bool] | None
    get: Callable[[Untyped], object]
    delete: Callable[[Untyped], None]


def isolation(fields: Iterable[Holder], bare: int, settle: Callable[[Untyped, Scope], None]) -> Isolate | None:
    """A function that isolates two messages of a batch; None if no field needs it.

    Args:
        fields: fields of the class.
        bare: number of referents of an instance without fields.
        settle: copies changes to the scope; raises FieldMismatchError, which then is the message's error.
    """
    shareable = [
        (field, field.name, attrgetter(field.name), field.unshared) for field in fields if field.unshared is not None
    ]
    if not shareable:
        return None

    def isolate(subject: Untyped, scope: Scope) -> None:
        seen, unseen = scope.seen, -1
        shared: list[Holder] | None = None
        for field, name, read, unshared in shareable:
            if name in seen:
                held = read(subject)
                # ``seen`` holds values that are unchanged since they were read, too.
                if held is None or unshared(held, 1 if held is seen[name] else 0):
                    continue
            else:
                if unseen < 0:
                    unseen = len(get_referents(subject)) - bare - len(seen)
                if not unseen:
                    continue
                try:
                    held = field.get(subject)
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

    if all(unshared is unshared_value for _, _, _, unshared in shareable):
        return _isolation_of_plain([name for _, name, _, _ in shareable], isolate)
    return isolate


def _isolation_of_plain(names: Iterable[str], isolate: Isolate) -> Isolate:
    """*isolate* for fields *names* whose values have no mutable parts, faster while no value is shared.

    It is generated, because it runs for each message: a loop over the fields takes twice as long.
    """
    lines = ["def isolate_plain(subject, scope):", "    seen = scope.seen"]
    for name in names:
        lines += [
            f"    if {name!r} not in seen:",
            "        held = None",  # so that *isolate* does not count it
            "        return isolate(subject, scope)",
            f"    held = subject.{name}",
            f"    if count(held) > (SEEN if held is seen[{name!r}] else UNSEEN) and held is not None:",
            "        held = None",
            "        return isolate(subject, scope)",
        ]
    names_used: dict[str, Untyped] = {
        "count": count_references,
        "isolate": isolate,
        "SEEN": IN_PLACE + 1,
        "UNSEEN": IN_PLACE,
    }
    exec(compile("\n".join(lines), "<isolation>", "exec"), names_used)  # noqa: S102 - made of identifiers and the above
    isolate_plain: Isolate = names_used["isolate_plain"]
    return isolate_plain
