"""``AnyStateHandle``: one state of one address."""

from __future__ import annotations

from typing import Any as Untyped
from typing import TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from statefun_actors.model import TypedValue
from statefun_actors.types import any_of

_M = TypeVar("_M", bound=Message)


class AnyStateHandle:
    """One state of one address: a ``google.protobuf.Any``, or None while it is absent.

    ``modified`` once it was written or deleted, ``deleted`` while it is deleted.
    """

    __slots__ = ("_any", "deleted", "modified", "packed", "value_bytes")

    def __init__(
        self, any_bytes: bytes | None = None, *, any: Any | None = None, typed: TypedValue | None = None
    ) -> None:
        """*any_bytes*: the value as bytes; *any*: the value itself; *typed*: its typename and bytes."""
        self._any = any
        self.packed = typed
        """What was stored or packed. An Any is only made of it on demand, and replaces it, as it can be changed."""
        self.value_bytes = any_bytes
        self.modified = False
        self.deleted = False

    @property
    def any(self) -> Any | None:
        """The value as an Any; None while it is absent, and for bytes that nobody has read."""
        if self.packed is not None:
            self._any, self.packed = any_of(self.packed), None
        return self._any

    @any.setter
    def any(self, any: Any | None) -> None:
        self._any, self.packed = any, None

    def bytes(self) -> bytes | None:
        """The value as bytes.

        Raises:
            AssertionError: the state is deleted.
        """
        if self.deleted:
            raise AssertionError("expected a value, but the state is deleted")
        any = self.any
        if any is not None and (self.modified or self.value_bytes is None):
            return any.SerializeToString()
        return self.value_bytes

    def unpack(self, into_class: type[_M]) -> _M | None:
        """The value as a message of *into_class*; None while it is absent.

        A value of another class gives an empty message, as in Apache's SDK.
        """
        typed = self.packed
        if typed is not None:  # what Any.Unpack does, in a fifth of the time
            _, slash, name = typed.typename.rpartition("/")
            fits = slash and name == into_class.DESCRIPTOR.full_name
            return into_class.FromString(typed.value) if fits else into_class()
        value = self.value
        if value is None:
            return None
        message = into_class()
        value.Unpack(message)
        return message

    def pack(self, message: Message) -> None:
        """Write *message*."""
        typed = TypedValue(f"type.googleapis.com/{message.DESCRIPTOR.full_name}", message.SerializeToString())
        self._any, self.packed, self.value_bytes = None, typed, None
        self.modified, self.deleted = True, False

    @property
    def value(self) -> Untyped:
        """The value as an Any; None while it is absent."""
        any = self.any
        if any is None and self.value_bytes and not self.deleted:
            any = self._any = Any.FromString(self.value_bytes)
        return any

    @value.setter
    def value(self, any: Any | None) -> None:
        self.any = any
        self.value_bytes = None
        self.modified, self.deleted = True, any is None

    @value.deleter
    def value(self) -> None:
        self.value = None
