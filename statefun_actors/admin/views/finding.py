"""Finds entities by the value of a field, which reads and decodes all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from statefun_actors.admin.views.json_values import shortened_tokens, shown_form
from statefun_actors.definition import FunctionType
from statefun_actors.dispatch import Application
from statefun_actors.entity import EntityField, EntityFunction
from statefun_actors.errors import StateDecodeError, ValueMismatchError
from statefun_actors.store import DamagedStateError, EntityRow, expire, unpack
from statefun_actors.types import Codec

Matches = Callable[[EntityRow], bool]


def field_matcher(
    typename: str,
    field: str,
    written: str,
    now_ms: int,
    app: Application | None = None,
    known: Mapping[str, Codec] | None = None,
) -> Matches:
    """Whether the field *field* of an entity of *typename* has the value *written*: JSON, or a text without quotes.

    A field that is absent, or has expired by *now_ms*, has no value; one that can't be read matches nothing.
    """
    served = None if app is None else app.served_function(typename)
    function: FunctionType | None = None if served is None else served.function
    states = [] if function is None else [*function.states]
    fields: Sequence[EntityField] = function.fields if isinstance(function, EntityFunction) else ()
    declared = next((each for each in fields if each.name == field), None)
    state = field if declared is None else declared.state_name
    try:
        wanted: object = msgspec.json.decode(written)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        wanted = written

    def matches(row: EntityRow) -> bool:
        try:
            record = unpack(row.address, row.packed, ())
        except DamagedStateError:
            return False
        expire(record, states, now_ms)
        stored = record.state.get(state)
        if stored is None:
            return False
        try:
            if declared is None:
                form = shown_form(stored, known)
            else:
                value = declared.field.read(typename, stored)
                form = None if value is None else shortened_tokens(declared.codec.to_json(value))
        except (StateDecodeError, ValueMismatchError):
            return False
        return form in (written, wanted) if isinstance(form, str) else _same(form, wanted)

    return matches


def _same(form: object, wanted: object) -> bool:
    """Whether the JSON forms are equal. True is not 1, as it is in Python."""
    if isinstance(form, bool) is not isinstance(wanted, bool):
        return False
    try:
        return form == wanted or msgspec.json.encode(form) == msgspec.json.encode(wanted)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        return False
