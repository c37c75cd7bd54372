"""The fields and methods of an entity class, in the form that its function type uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from gc import get_referents
from operator import attrgetter
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.definition import AnswerMethod, Field, Handler
from statefun_actors.errors import FieldMismatchError, ValueMismatchError
from statefun_actors.types import Codec, codec_for

_EXACT: Final = tuple(map(codec_for, (bool, int, str, bytes)))
"""Not that of float: nan is not equal to itself, and -0.0 is equal to 0.0."""
_UNCOUNTABLE: Final = 1 << 30
"""More than the referents of any instance, so that the difference is negative: unknown."""


class EntityField:
    """A field together with its slot."""

    __slots__ = (
        "codec",
        "decode",
        "delete",
        "encode",
        "exact",
        "field",
        "get",
        "immutable",
        "name",
        "optional",
        "read",
        "readable",
        "refreshes",
        "set",
        "state_name",
        "typename",
        "unshared",
    )  # fmt: skip

    def __init__(self, field: Field, slot: Untyped) -> None:
        self.field = field
        self.name = field.name
        self.state_name = field.state_name
        self.codec = field.codec
        self.encode = field.codec.encode
        self.decode = field.codec.decode
        self.typename = field.typename
        self.readable = field.codec.lenient | field.codec.accepts
        """The typenames of stored values that it reads."""
        self.immutable = field.immutable
        self.exact = any(field.codec is each for each in _EXACT)
        """Whether two values of one class have the same encoding if, and only if, they are equal."""
        self.unshared = field.codec.unshared
        self.optional = field.optional
        self.refreshes = field.refresh_on_assignment
        self.get = slot.__get__
        self.read = attrgetter(field.name)
        """As ``get``, for a slot that is set: three times as fast."""
        self.set = slot.__set__
        self.delete = slot.__delete__

    def mismatch(self, owner: str, error: ValueMismatchError) -> FieldMismatchError:
        """*error* of this field's codec as an error of the field of the class *owner*."""
        or_none = self.optional and error.expected == self.codec.spelling
        expected = f"{error.expected} or None" if or_none else error.expected
        return FieldMismatchError(owner, self.name, expected, error.got, error.path)


@attrs.frozen
class Methods:
    """The methods of a class that messages call, and their message types as annotated."""

    handlers: Mapping[str, tuple[Handler, Codec]]
    any_handler: Handler | None
    taken: Sequence[str]
    answers: Mapping[str, AnswerMethod]


def referents_when_bare(cls: type, fields: Sequence[EntityField]) -> int:
    """The number of referents of an instance of *cls* without fields, if Python can count them."""
    subject: Untyped = object.__new__(cls)
    subject.__scope__ = None
    bare = len(get_referents(subject))
    for count, field in enumerate(fields, 1):
        field.set(subject, None)
        if len(get_referents(subject)) != bare + count:
            return _UNCOUNTABLE
    return bare
