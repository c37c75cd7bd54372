"""Fields as slots, and the additions of attrs to a finished class.

With slots, Python itself refuses the assignment of undeclared attributes, at no cost. Slots of two classes can't be
combined, so abstract classes have none: their fields become slots of the concrete class that inherits them, so mixins
with fields can be combined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any as Untyped
from typing import cast

import attrs

from statefun_actors.definition import Field
from statefun_actors.entity.over import OVER
from statefun_actors.errors import DetachedEntityError


def has_slot(name: str, bases: Iterable[type]) -> bool:
    return any(name in cls.__dict__.get("__slots__", ()) for base in bases for cls in base.__mro__)


class RefreshingSlot:
    """The slot of a field with expire_after_write: any assignment renews its time, even of an equal value."""

    __slots__ = ("name", "slot")

    def __init__(self, name: str, slot: Untyped) -> None:
        self.name, self.slot = name, slot

    def __get__(self, subject: object, owner: type | None = None) -> object:
        return self if subject is None else self.slot.__get__(subject, owner)

    def __set__(self, subject: Untyped, value: object) -> None:
        scope = subject.__scope__
        if scope is OVER:
            raise DetachedEntityError(type(subject).__name__, self.name)
        self.slot.__set__(subject, value)
        if scope is not None:
            scope.note_assigned(self.name)

    def __delete__(self, subject: object) -> None:
        self.slot.__delete__(subject)


def take_slot(cls: type, field: Field) -> Untyped:
    """The descriptor that reads and writes *field*, bypassing the one that observes assignments."""
    slot = next(base.__dict__[field.name] for base in cls.__mro__ if field.name in base.__dict__)
    inner = slot.slot if isinstance(slot, RefreshingSlot) else slot
    if field.refresh_on_assignment:
        type.__setattr__(cls, field.name, RefreshingSlot(field.name, inner))
    elif slot is not inner:
        type.__setattr__(cls, field.name, inner)
    return inner


def apply_attrs(cls: type, fields: Sequence[Field], types: Mapping[str, object]) -> None:
    """Give *cls* its ``__init__``, and make it known to ``attrs.fields``. *types*: those that it does not annotate
    itself.
    """
    made = {}
    for field in fields:
        default: Untyped = attrs.Factory(field.factory) if field.factory is not None else field.default
        made[field.name] = attrs.field(default=default, kw_only=True, type=cast("type | None", types.get(field.name)))
    attrs.define(cls, these=made, slots=False, init=True, repr=False, eq=False)
