"""Codec: the interface of every type that can be sent or stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from statefun_actors.errors import StatefunActorsError
from statefun_actors.types.sharing import Unshared

_json_text: Final = msgspec.json.Encoder().encode


class Codec(ABC):
    """Encodes the values of one Python type as a typename and bytes, and decodes them.

    :meth:`decode` returns a value equal to the encoded one, of the same class; in messages datetimes have offsets
    instead of zones. :meth:`encode` refuses values for which that is impossible. Both check the value in depth. A codec
    keeps no state between calls and may be used by several threads.
    """

    __slots__ = ("accepts", "annotation", "immutable", "lenient", "spelling", "typename", "unshared")

    typename: str
    """The typename under which values are written."""
    accepts: frozenset[str]
    """The typenames that :meth:`decode` reads, :attr:`typename` included."""
    lenient: frozenset[str]
    """Further typenames that :meth:`decode` reads if nothing else claims them: the 2.x wrapper messages."""
    spelling: str
    """The type in error texts, in backticks: ```list[str]```."""
    annotation: object
    """The type as annotated."""
    immutable: bool
    """Whether values are immutable, in depth. False for every container, protobuf and attrs class."""
    unshared: Unshared | None
    """Whether a value is unshared and would be read back as it is; None: always, or sharing does no harm."""

    @property
    def in_messages(self) -> Codec:
        """The codec of the same type in messages: itself, unless state is written or read differently."""
        return self

    @abstractmethod
    def encode(self, value: object) -> bytes:
        """The bytes of *value*; equal values of the same class have equal bytes, except for the order of dicts.

        Raises:
            ValueMismatchError: *value* does not fit the type; the error has the path inside it.
        """

    @abstractmethod
    def decode(self, data: bytes, typename: str | None = None) -> object:
        """The value encoded in *data* under *typename* (default: :attr:`typename`).

        Raises:
            ValueMismatchError: *data* is well-formed but contains something else; the error has the path inside it.
            ValueError: *data* is malformed, or this codec does not read *typename*.
        """

    @abstractmethod
    def to_json(self, value: object) -> object:
        """The JSON form of *value*, for people and HTTP: JSON builtins only, without NaN and infinities.

        Raises:
            ValueMismatchError: *value* does not fit the type.
        """

    @abstractmethod
    def from_json(self, obj: object) -> object:
        """The value of a JSON form, as :meth:`to_json` returns it; *obj* is not kept.

        Raises:
            ValueMismatchError: *obj* does not fit the type; the error has the path inside it.
        """

    def bytes_from_json(self, obj: object) -> bytes:
        """The bytes of the value whose JSON form is *obj*. Raises as :meth:`from_json` does."""
        return self.encode(self.from_json(obj))

    def json_text(self, value: object) -> bytes:
        """The JSON form of *value* as text. Raises as :meth:`to_json` does."""
        return _json_text(self.to_json(value))

    # Both save at least one call per value for callers that keep them.

    def writer(self) -> Callable[[Any], bytes]:
        """The fastest function that encodes values of exactly the codec's own class.

        It raises for the same values as :meth:`encode`, maybe other errors: call :meth:`encode` for the full error.
        """
        return self.encode

    def reader(self, typename: str) -> Callable[[bytes], object]:
        """The fastest function that decodes bytes under *typename*, which this codec must read.

        It raises for the same bytes as :meth:`decode`, maybe other errors: call :meth:`decode` for the full error.
        """
        return self.decode if typename == self.typename else lambda data: self.decode(data, typename)

    def refuse_typename(self, typename: str) -> ValueError:
        """The error for a *typename* that this codec does not read."""
        return ValueError(f"{self.spelling} is read from {', '.join(sorted(self.accepts))}, got {typename}")

    def __repr__(self) -> str:
        return f"<codec of {self.spelling} as {self.typename}>"


class UnstorableTypeError(StatefunActorsError, TypeError):
    """Values of an annotation can't be stored or sent. Each of ``problems`` says what to write instead."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "; ".join(self.problems)


class UnresolvedNameError(UnstorableTypeError):
    """An annotation names something that does not exist (yet): a class defined further down, or nowhere."""
