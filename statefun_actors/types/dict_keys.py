"""Dict keys as JSON member names, which are always str."""

from __future__ import annotations

import typing
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple
from uuid import UUID

from statefun_actors.types.leaves import LEAVES, enum_shape
from statefun_actors.types.mismatch import Mismatch, shown
from statefun_actors.types.shape import One, Shape

KEY_CLASSES: Final = (str, int, UUID, date, datetime, Decimal)
"""Classes of keys, in addition to enums and literals of one of the first two."""


class Key(NamedTuple):
    """How keys of one type are dumped and loaded.

    ``plain``: the keys are str and need no conversion. ``merges``: different keys may be equal after they are read
    back.
    """

    spelling: str
    dump: One
    load: One
    plain: bool = False
    merges: bool = False


def key_of(annotation: object, shape: Shape) -> Key | None:
    """The key form of the type *annotation*, whose shape is *shape*; None if it can't be a dict key."""
    if annotation is str:
        return Key("str", shape.dump, shape.load, plain=True)
    if annotation is int:
        return _of_int(shape)
    if annotation in KEY_CLASSES:
        return Key(shape.spelling, shape.dump, shape.load, merges=shape.merges)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        kinds = {type(value) for value in annotation._value2member_map_}
        if kinds == {str}:
            return Key(shape.spelling, shape.dump, shape.load)
        return _of_int(enum_shape(annotation)) if kinds == {int} else None
    if typing.get_origin(annotation) is typing.Literal and {type(arg) for arg in typing.get_args(annotation)} == {str}:
        return Key(shape.spelling, shape.dump, shape.load, plain=True)
    return None


def _of_int(shape: Shape) -> Key:
    """A key written in decimal digits, as ``str(int)`` writes it."""
    dump_int, load_int = shape.dump, shape.load

    def dump(key: Any) -> str:
        return str(dump_int(key))

    def load(text: Any) -> Any:
        number = LEAVES[int].load(_number(text))
        return load_int(number)

    return Key(shape.spelling, dump, load)


def _number(text: str) -> int:
    if len(text) <= len(str(-(1 << 63))):
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is not None and str(number) == text:
            return number
    raise Mismatch("an int in plain digits", shown(text))
