"""What one entity had in the store of an embedded engine, as a message that makes a Flink job continue with it.

``statefun-actors export --to-kafka`` writes such messages for the function ``statefun-actors/ingress``, which sends
each of them on once; ``dispatch`` turns it into state, delayed messages and messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from statefun_actors.asking.decoding import reader
from statefun_actors.asking.envelopes import NOT_RESTORED, RESTORE, RESTORED
from statefun_actors.model import TypedValue

_Value = tuple[str, bytes]
_Address = tuple[str, str]


class DelayedMessage(Struct, frozen=True, array_like=True, gc=False):
    """A message that the entity has sent with a delay. *due_ms*: its time, in milliseconds since 1970."""

    due_ms: int
    target: _Address
    value: _Value
    token: str | None = None


class WaitingMessage(Struct, frozen=True, array_like=True, gc=False):
    """A message to the entity that it has not handled. *caller*: its sender; None if it came from outside."""

    value: _Value
    caller: _Address | None = None


class Restore(Struct, frozen=True, array_like=True):
    """To an entity: what it had in a store.

    Args:
        states: as stored, by name. If there are any, the entity must have none yet.
        delayed: it sends these again, for the rest of their delay.
        waiting: it handles these at once, in this order.
    """

    states: Mapping[str, _Value] = {}
    delayed: Sequence[DelayedMessage] = ()
    waiting: Sequence[WaitingMessage] = ()


_encode: Final = msgspec.msgpack.Encoder().encode
_restore: Final = reader(msgspec.msgpack.Decoder(Restore).decode)

RESTORED_NOTICE: Final = TypedValue(RESTORED, b"")
"""The message to the sender of a Restore that has become state."""


def restore(content: Restore) -> TypedValue:
    """Encode *content* as a message."""
    return TypedValue(RESTORE, _encode(content))


def read_restore(data: bytes) -> Restore:
    """Decode a Restore. Raises ValueError: the bytes are not one."""
    return _restore(data)


def not_restored(reason: str) -> TypedValue:
    """The message to the sender of a Restore that was refused, with the reason."""
    return TypedValue(NOT_RESTORED, reason.encode("utf-8", "backslashreplace"))
