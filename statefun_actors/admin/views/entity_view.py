"""One entity with its fields in JSON form. It never fails: unreadable values are marked."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.views.json_values import shortened_tokens, shown_form
from statefun_actors.definition import FunctionType
from statefun_actors.entity import EntityFunction
from statefun_actors.errors import StateDecodeError, ValueMismatchError
from statefun_actors.model import Expiration, StateSpec
from statefun_actors.store import DamagedStateError, EntityRecord, EntityRow, expire, expiry_ms, unpack
from statefun_actors.types import Codec


class EntityView(Struct, frozen=True):
    """One entity as of its last commit.

    Args:
        fields: the JSON form of each, by name, in the order of the class; a field that is absent has its default.
        absent: the names of absent fields.
        expires_ms: the time at which each field expires, in milliseconds since 1970.
        last_call_ms: the time of its last call; 0 if it has no expiring or changed fields.
    """

    address: Address
    fields: Mapping[str, object]
    absent: frozenset[str]
    expires_ms: Mapping[str, int]
    last_call_ms: int

    @property
    def gone(self) -> bool:
        """Whether all fields are absent: there is no such entity."""
        return len(self.absent) == len(self.fields)


def view_entity(
    row: EntityRow, now_ms: int, function: FunctionType | None = None, known: Mapping[str, Codec] | None = None
) -> EntityView:
    """The view of *row* without states that have expired by *now_ms*; with the fields of *function*, if known."""
    states: list[StateSpec] = [] if function is None else [*function.states]
    try:
        record = unpack(row.address, row.packed, [spec.name for spec in states])
    except DamagedStateError as error:
        return EntityView(row.address, {"unreadable": str(error)}, frozenset(), {}, 0)
    expire(record, states, now_ms)
    names, fields = _fields(record, row, function, known)
    return EntityView(
        address=row.address,
        fields=fields,
        absent=frozenset(names.get(name, name) for name, value in record.state.items() if value is None),
        expires_ms={
            names.get(spec.name, spec.name): expiry_ms(record, spec)
            for spec in states
            if spec.expiration is not Expiration.NONE and record.state.get(spec.name) is not None
        },
        last_call_ms=record.last_call_ms,
    )


def _fields(
    record: EntityRecord, row: EntityRow, function: FunctionType | None, known: Mapping[str, Codec] | None
) -> tuple[Mapping[str, str], dict[str, object]]:
    """The fields by state, and the JSON forms by field or state."""
    if not isinstance(function, EntityFunction):
        return {}, {name: None if value is None else shown_form(value, known) for name, value in record.state.items()}
    names = {field.state_name: field.name for field in function.fields}
    fields: dict[str, object] = {}
    for field in function.fields:
        stored = record.state.get(field.state_name)
        try:
            if stored is not None:
                value = field.field.read(f"{function.name}({row.address.id!r})", stored)
            else:
                value = field.field.absent_value()
            fields[field.name] = None if value is None else shortened_tokens(field.codec.to_json(value))
        except (StateDecodeError, ValueMismatchError) as error:
            fields[field.name] = {"unreadable": str(error)}
    undeclared = {name: value for name, value in record.state.items() if name not in names and value is not None}
    return names, fields | {name: shown_form(value, known) for name, value in undeclared.items()}
