"""What every type that can travel or be stored looks like from outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from statefun_actors.errors import StatefunActorsError
from statefun_actors.types.sharing import Alone

_json_text: Final = msgspec.json.Encoder().encode


class Codec(ABC):
    """Turns the values of one Python type into a typename and bytes, and back.

    What :meth:`encode` writes, :meth:`decode` reads back as an equal value of the same class, in messages with the
    offsets of datetimes in the place of their zones; a value for which that would not hold is refused by
    :meth:`encode`. Both check the value in depth. A codec keeps no state between calls
    and may be used from several threads.
    """

    __slots__ = ("accepts", "alone", "annotation", "immutable", "lenient", "spelling", "typename")

    typename: str
    """The typename under which values are written."""
    accepts: frozenset[str]
    """The typenames that :meth:`decode` reads, :attr:`typename` included."""
    lenient: frozenset[str]
    """More typenames that :meth:`decode` reads, meant for when nothing else claims them: the 2.x wrapper messages."""
    spelling: str
    """How errors spell the type, in backticks: ```list[str]```."""
    annotation: object
    """The type, as it was annotated."""
    immutable: bool
    """Whether no value can be changed in place, in depth. False for every container, protobuf and attrs class."""
    alone: Alone | None
    """Whether a value is as it would be read back, and held by its place alone; None = all are, or can be shared."""

    @property
    def in_messages(self) -> Codec:
        """The codec of the same type in messages: itself, unless it writes or reads state otherwise."""
        return self

    @abstractmethod
    def encode(self, value: object) -> bytes:
        """The bytes of *value*; equal values of the same class give equal bytes, but for the order of dicts.

        Raises:
            ValueMismatchError: *value* does not fit the type, with the path inside it.
        """

    @abstractmethod
    def decode(self, data: bytes, typename: str | None = None) -> object:
        """The value that *data*, written under *typename* (default: :attr:`typename`), stands for.

        Raises:
            ValueMismatchError: *data* is well-formed, but holds something else, with the path inside it.
            ValueError: *data* is malformed, or *typename* is one that this codec does not read.
        """

    @abstractmethod
    def to_json(self, value: object) -> object:
        """The JSON form of *value*, for people and HTTP: JSON builtins only, without NaN and infinities.

        Raises:
            ValueMismatchError: *value* does not fit the type.
        """

    @abstractmethod
    def from_json(self, obj: object) -> object:
        """The value of a JSON form, as :meth:`to_json` gives it; *obj* is not kept.

        Raises:
            ValueMismatchError: *obj* does not fit the type, with the path inside it.
        """

    def bytes_from_json(self, obj: object) -> bytes:
        """The bytes of the value that *obj* is the JSON form of. Raises as :meth:`from_json` does."""
        return self.encode(self.from_json(obj))

    def json_text(self, value: object) -> bytes:
        """The JSON form of *value*, as text. Raises as :meth:`to_json` does."""
        return _json_text(self.to_json(value))

    # Each of the two is at least one call shorter, for those who keep it for many values.

    def writer(self) -> Callable[[Any], bytes]:
        """The shortest way from a value, known to be of the codec's own class, to its bytes.

        It raises where :meth:`encode` does, but maybe something else: ask :meth:`encode` for the words.
        """
        return self.encode

    def reader(self, typename: str) -> Callable[[bytes], object]:
        """The shortest way from bytes written under *typename*, one that this codec reads, to a value.

        It raises where :meth:`decode` does, but maybe something else: ask :meth:`decode` for the words.
        """
        return self.decode if typename == self.typename else lambda data: self.decode(data, typename)

    def refuse_typename(self, typename: str) -> ValueError:
        """The error for a *typename* that this codec does not read."""
        return ValueError(f"{self.spelling} is read from {', '.join(sorted(self.accepts))}, got {typename}")

    def __repr__(self) -> str:
        return f"<codec of {self.spelling} as {self.typename}>"


class UnstorableTypeError(StatefunActorsError, TypeError):
    """An annotation whose values can't be stored or sent. Each of ``problems`` says what to write instead."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "; ".join(self.problems)


class UnresolvedNameError(UnstorableTypeError):
    """An annotation names something that does not exist (yet): a class that is defined further down, or nowhere."""
