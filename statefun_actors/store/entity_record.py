"""A stored entity: its states by name, the write times of those that expire, and the time of its last batch.

Expiry is determined here, once, at the start of a batch: ``after_write`` counts from the write of that state,
``after_call`` from the entity's last batch, whichever states it used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs
import msgspec

from statefun_actors.address import Address
from statefun_actors.errors import StateDecodeError
from statefun_actors.model import Expiration, State, StateSpec, TypedValue

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[dict[str, tuple[str, bytes]], dict[str, int], int]).decode


class DamagedStateError(StateDecodeError):
    """The stored bytes of an entity can't be unpacked to states. Repairing the store resolves it."""

    def __init__(self, address: Address, size: int, reason: str) -> None:
        super().__init__(str(address), "", "a packed entity", f"{size} bytes", reason)
        self.args = (address, size, reason)

    def __str__(self) -> str:
        return (
            f"the stored state of {self.owner} is damaged: expected {self.expected}, got {self.got}: {self.reason}. "
            "Nothing else is affected, and it is not overwritten. Restore a backup; or stop the engine, and "
            "export the store, mend or remove the line of this entity, and import that."
        )


@attrs.define(eq=False)  # CPython sets the slots of such a class faster than the fields of a Struct
class EntityRecord:
    """One entity in memory. ``state`` has every declared name; None if it is absent."""

    state: dict[str, TypedValue | None]
    written_ms: dict[str, int]
    last_call_ms: int
    packed: int = 0
    """Bytes of its packed form when it was last read or packed."""
    stored: bool = False
    """Whether the store may have a row of it. False only until it is written the first time."""
    epoch: int = 0
    """The last epoch that changed it."""
    running: bool = False

    @property
    def size(self) -> int:
        """Approximate bytes in memory when it was last read or packed. The names of its states never change."""
        return _BASE_SIZE + _VALUE_SIZE * len(self.state) + self.packed


_BASE_SIZE: Final = 700
_VALUE_SIZE: Final = 150


def unpack(address: Address, packed: bytes | None, names: Iterable[str]) -> EntityRecord:
    """Unpack the record of *address*; its state gets all *names*.

    Raises:
        DamagedStateError: :func:`pack` did not write these bytes.
    """
    state: dict[str, TypedValue | None] = dict.fromkeys(names)
    if packed is None:
        return EntityRecord(state, {}, 0)
    try:
        stored, written_ms, last_call_ms = _decode(packed)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DamagedStateError(address, len(packed), str(error)) from error
    for name, (typename, value) in stored.items():
        state[name] = TypedValue(typename, value)
    return EntityRecord(state, written_ms, last_call_ms, len(packed), stored=True)


def pack(record: EntityRecord) -> bytes | None:
    """Pack for the store; None if there is nothing to store."""
    stored = {}
    for name, value in record.state.items():  # a comprehension costs a function and its call
        if value is not None:
            stored[name] = (value.typename, value.value)
    if not stored:
        return None
    return _encode((stored, record.written_ms, record.last_call_ms))


def change(record: EntityRecord, changes: State, now_ms: int, *, expires: bool) -> None:
    """Change the state of *record* by a call at *now_ms*. *expires*: whether one of its states can."""
    record.state.update(changes)
    record.last_call_ms = now_ms
    if expires:
        for name, value in changes.items():
            if value is None:
                record.written_ms.pop(name, None)
            else:
                record.written_ms[name] = now_ms


def expire(record: EntityRecord, specs: Iterable[StateSpec], now_ms: int) -> bool:
    """Make expired states absent; return whether there were any."""
    expired = False
    for spec in specs:
        if spec.expiration is Expiration.NONE or record.state.get(spec.name) is None:
            continue
        if now_ms >= expiry_ms(record, spec):
            record.state[spec.name] = None
            record.written_ms.pop(spec.name, None)
            expired = True
    return expired


def expiry_ms(record: EntityRecord, spec: StateSpec) -> int:
    """The time at which the state *spec*, which expires, becomes absent."""
    if spec.expiration is Expiration.AFTER_WRITE:
        return record.written_ms.get(spec.name, record.last_call_ms) + spec.ttl_ms
    return record.last_call_ms + spec.ttl_ms


def expires_ms(record: EntityRecord, specs: Iterable[StateSpec]) -> int | None:
    """The time at which its last state expires; None if one never does."""
    by_name = {spec.name: spec for spec in specs}
    latest = 0
    for name, value in record.state.items():
        if value is None:
            continue
        spec = by_name.get(name)
        if spec is None or spec.expiration is Expiration.NONE:
            return None
        latest = max(latest, expiry_ms(record, spec))
    return latest or None
