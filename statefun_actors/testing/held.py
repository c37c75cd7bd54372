"""``Held``: the state of one entity between the batches of a :func:`given`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from statefun_actors.engine import to_ms
from statefun_actors.entity import Entity, EntityFunction
from statefun_actors.errors import FieldMismatchError, ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.store import EntityRecord, expire


@attrs.frozen
class Held:
    """States by name, when they were written, and when the entity was called last, in milliseconds; None: never."""

    function: EntityFunction
    state: dict[str, TypedValue | None]
    written_ms: dict[str, int] = attrs.Factory(dict)
    last_call_ms: int | None = None

    def at(self, now: datetime) -> dict[str, TypedValue | None]:
        """The states at *now*: those that have expired since the last call are absent."""
        if self.last_call_ms is None:
            return self.state
        record = EntityRecord(dict(self.state), dict(self.written_ms), self.last_call_ms)
        expire(record, self.function.states, to_ms(now))
        return record.state

    def changed(self, now: datetime, changes: Mapping[str, TypedValue | None]) -> Held:
        """What is held after a batch at *now* that made *changes*."""
        now_ms = to_ms(now)
        return attrs.evolve(
            self,
            state={**self.at(now), **changes},
            written_ms={**dict.fromkeys(self.state, now_ms), **self.written_ms, **dict.fromkeys(changes, now_ms)},
            last_call_ms=now_ms,
        )


def held(cls: type[Entity], fields: Mapping[str, object]) -> Held:
    """An entity of *cls* with *fields*; those not named are absent.

    Raises:
        FieldMismatchError: a value does not fit its field.
        TypeError: *cls* has no such field.
    """
    function: EntityFunction = cls.__function_type__
    state: dict[str, TypedValue | None] = {spec.name: None for spec in function.states}
    for name, value in fields.items():
        field = function.by_name.get(name)
        if field is None:
            known = ", ".join(function.by_name) or "none"
            raise TypeError(f"{cls.__name__} has no field {name!r}; its fields are {known}")
        if value is None and field.optional:
            continue
        try:
            state[field.state_name] = TypedValue(field.codec.typename, field.codec.encode(value))
        except ValueMismatchError as error:
            raise FieldMismatchError(cls.__name__, name, error.expected, error.got, error.path) from error
    return Held(function, state)
