"""``AnyStateHandle``: one state of one address."""

from __future__ import annotations

from typing import Any as Untyped
from typing import TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

_M = TypeVar("_M", bound=Message)


class AnyStateHandle:
    """One state of one address: a ``google.protobuf.Any``, or None while it is absent.

    ``modified`` once it was written or deleted, ``deleted`` while it is deleted.
    """

    __slots__ = ("any", "deleted", "modified", "value_bytes")

    def __init__(self, any_bytes: bytes | None = None, *, any: Any | None = None) -> None:
        """*any_bytes*: the value as bytes; *any*: the value itself."""
        self.any = any
        self.value_bytes = any_bytes
        self.modified = False
        self.deleted = False

    def bytes(self) -> bytes | None:
        """The value as bytes.

        Raises:
            AssertionError: the state is deleted.
        """
        if self.deleted:
            raise AssertionError("expected a value, but the state is deleted")
        if self.any is not None and (self.modified or self.value_bytes is None):
            return self.any.SerializeToString()
        return self.value_bytes

    def unpack(self, into_class: type[_M]) -> _M | None:
        """The value as a message of *into_class*; None while it is absent.

        A value of another class gives an empty message, as in Apache's SDK.
        """
        value = self.value
        if not value:
            return None
        message = into_class()
        value.Unpack(message)
        return message

    def pack(self, message: Message) -> None:
        """Write *message*."""
        value = Any()
        value.Pack(message)
        self.value = value

    @property
    def value(self) -> Untyped:
        """The value as an Any; None while it is absent."""
        if self.any is None and self.value_bytes and not self.deleted:
            self.any = Any.FromString(self.value_bytes)
        return self.any

    @value.setter
    def value(self, any: Any | None) -> None:
        self.any = any
        self.value_bytes = None
        self.modified, self.deleted = True, any is None

    @value.deleter
    def value(self) -> None:
        self.value = None
