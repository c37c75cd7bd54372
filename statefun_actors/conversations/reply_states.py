"""The states of the reply function: an open ask, an answer that arrived before its ask, a number of runs."""

from __future__ import annotations

from typing import Final

import msgspec

from statefun_actors.asking import Encoded, Open
from statefun_actors.model import TypedValue
from statefun_actors.types import codec_for

_TYPENAME: Final = codec_for(bytes).typename
_pack: Final = msgspec.msgpack.Encoder().encode
_open: Final = msgspec.msgpack.Decoder(Open).decode
_early: Final = msgspec.msgpack.Decoder(tuple[str, bytes]).decode
_number: Final = msgspec.msgpack.Decoder(int).decode


def stored(data: bytes | None) -> TypedValue | None:
    """The state with these bytes; None without a value."""
    return None if data is None else TypedValue(_TYPENAME, data)


def stored_ask(ask: Open, data: bytes) -> TypedValue:
    """The state of the open *ask*, whose encoding is *data*."""
    return Encoded(_TYPENAME, data, ask)


def ask_in(state: TypedValue) -> Open:
    """The open ask in *state*. Raises ValueError: its bytes are not one."""
    return state.content if isinstance(state, Encoded) else _open(state.value)


def stored_early(typename: str, data: bytes) -> TypedValue:
    """The state of an answer that arrived before its ask."""
    return TypedValue(_TYPENAME, _pack((typename, data)))


def early_in(state: TypedValue) -> tuple[str, bytes]:
    """The early answer in *state*. Raises ValueError: its bytes are not one."""
    return _early(state.value)


def stored_number(number: int) -> TypedValue:
    """The state of the number of runs that were counted."""
    return TypedValue(_TYPENAME, _pack(number))


def number_in(state: TypedValue) -> int:
    """The number of runs in *state*. Raises ValueError: its bytes are not one."""
    return _number(state.value)
