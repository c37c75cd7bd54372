"""An entity class as a function type: how an instance gets its state, and how what it holds becomes changes.

An instance is hydrated lazily. Fields are slots; an unset slot sends Python to ``Entity.__getattr__``, which decodes
the field, once. Setting a field costs nothing beyond Python's own, since nothing watches it: what was touched is seen
at the end, and what has changed is decided by encoded bytes, so a change in place cannot be missed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any as Untyped
from typing import ClassVar, Final

from statefun_actors.definition import FailurePolicy, Field, Handler, Scope
from statefun_actors.errors import FieldMismatchError, UndeclaredAttributeError, ValueMismatchError
from statefun_actors.model import Address, StateSpec, TypedValue
from statefun_actors.types import Codec

_UNSET: Final = object()


class EntityField:
    """A field together with the slot that holds it."""

    __slots__ = ("codec", "delete", "field", "get", "immutable", "name", "optional", "set", "state_name")

    def __init__(self, field: Field, slot: Untyped) -> None:
        self.field = field
        self.name = field.name
        self.state_name = field.state_name
        self.codec = field.codec
        self.immutable = field.immutable
        self.optional = field.optional
        self.get = slot.__get__
        self.set = slot.__set__
        self.delete = slot.__delete__


class EntityFunction:
    """The function type of one Entity class."""

    owns_tokens: ClassVar[bool] = True

    def __init__(
        self,
        cls: type,
        typename: str,
        fields: Sequence[EntityField],
        handlers: Mapping[str, tuple[Handler, Codec]],
        any_handler: Handler | None,
        taken: Sequence[str],
        on_failure: FailurePolicy | None,
    ) -> None:
        self.cls = cls
        self.name = cls.__name__
        self.typename = typename
        self.fields = tuple(fields)
        self.by_name = {field.name: field for field in fields}
        self.states: tuple[StateSpec, ...] = tuple(field.field.spec for field in fields)
        self.state_names = frozenset(spec.name for spec in self.states)
        self.handlers = handlers
        self.any_handler = any_handler
        self.taken = tuple(taken)
        self.on_failure = on_failure

    def open(self, scope: Scope) -> Untyped:
        subject = object.__new__(self.cls)
        subject._scope = scope  # noqa: SLF001 - an entity's own room
        return subject

    def abandon(self, subject: Untyped) -> None:
        subject._scope = None  # noqa: SLF001 - an entity's own room

    def settle(self, subject: Untyped, scope: Scope) -> None:
        """Move what changed into ``scope.changes``.

        Raises:
            FieldMismatchError: a field holds what its declared type does not allow.
        """
        baseline, assigned = scope.baseline, scope.assigned
        changes: dict[str, TypedValue | None] = {}
        if scope.deleted:
            changes = {
                state: None for state in map(self._state_name, scope.deleted) if scope.current(state) is not None
            }
        for field in self.fields:
            try:
                held = field.get(subject)
            except AttributeError:
                continue
            name = field.name
            if field.immutable and baseline.get(name, _UNSET) is held and name not in assigned:
                continue
            self._settle_field(field, held, scope, changes)
            baseline[name] = held
        # All or nothing: a field that does not fit leaves the scope as it was.
        if changes:
            scope.changes.update(changes)
        if assigned:
            assigned.clear()
        if scope.deleted:
            scope.deleted.clear()

    def _state_name(self, name: str) -> str:
        return self.by_name[name].state_name

    def _settle_field(
        self, field: EntityField, held: object, scope: Scope, changes: dict[str, TypedValue | None]
    ) -> None:
        name, state_name = field.name, field.state_name
        current = None if state_name in changes else scope.current(state_name)
        if held is None and field.optional:
            if current is not None:
                changes[state_name] = None
            return
        try:
            data = field.codec.encode(held)
        except ValueMismatchError as error:
            raise self._mismatch(field, error) from error
        if name not in scope.assigned:
            if current is None:
                default = scope.defaults.get(name)
                if default is not None and default[0] is held and default[1] == data:
                    return
            elif current.value == data and current.typename == field.codec.typename:
                return
            elif (
                not field.immutable
                and scope.baseline.get(name, _UNSET) is held
                and self._reads_the_same(field, current, data)
            ):
                return
        changes[state_name] = TypedValue(field.codec.typename, data)

    def _reads_the_same(self, field: EntityField, current: TypedValue, data: bytes) -> bool:
        """Whether the stored bytes, though other bytes, hold the very value: written by another SDK or an older class."""
        return field.codec.encode(field.field.read(self.name, current)) == data

    def _mismatch(self, field: EntityField, error: ValueMismatchError) -> FieldMismatchError:
        expected = f"{error.expected} or None" if field.optional and error.path == "$" else error.expected
        return FieldMismatchError(self.name, field.name, expected, error.got, error.path)

    def read(self, subject: Untyped, name: str, scope: Scope | None) -> object:
        """The value of a field whose slot is unset.

        Raises:
            UndeclaredAttributeError: there is no such field.
            StateDecodeError: its stored state can't be read.
        """
        field = self.by_name.get(name)
        if field is None:
            raise UndeclaredAttributeError(self.name, name, tuple(self.by_name))
        current = scope.current(field.state_name) if scope is not None and name not in scope.deleted else None
        if current is None:
            factory = field.field.factory
            if factory is None:
                return field.field.default
            made = factory()
            field.set(subject, made)
            if scope is not None:
                scope.defaults[name] = (made, self._encoded_default(field, made))
            return made
        assert scope is not None
        try:
            value = field.field.read(self.name, current)
        except BaseException as error:
            scope.fatal = error
            raise
        field.set(subject, value)
        scope.baseline[name] = value
        return value

    def _encoded_default(self, field: EntityField, made: object) -> bytes:
        try:
            return field.codec.encode(made)
        except ValueMismatchError as error:
            raise self._mismatch(field, error) from error

    def delete(self, subject: Untyped, name: str, scope: Scope | None) -> None:
        """``del self.name``: absent from now on.

        Raises:
            UndeclaredAttributeError: there is no such field.
        """
        field = self.by_name.get(name)
        if field is None:
            raise UndeclaredAttributeError(self.name, name, tuple(self.by_name))
        with contextlib.suppress(AttributeError):
            field.delete(subject)
        if scope is not None:
            # Kept back until the message settles, in case it is undone.
            scope.deleted.add(name)
            scope.assigned.discard(name)
            scope.baseline.pop(name, None)
            scope.defaults.pop(name, None)


def hydrate(cls: type, address: Address, state: Mapping[str, TypedValue | None]) -> Untyped:
    """A detached instance of *cls* that holds *state*: to look at, outside any handler.

    Raises:
        StateDecodeError: a state does not fit its field.
    """
    function: EntityFunction = cls.__function_type__  # type: ignore[attr-defined]
    values = {}
    for field in function.fields:
        stored = state.get(field.state_name)
        if stored is not None:
            values[field.name] = field.field.read(f"{function.name}({address.id!r})", stored)
    return cls(**values)
