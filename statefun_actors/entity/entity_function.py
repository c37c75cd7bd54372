"""The function type of an entity class: loads state into instances, and finds the changes of instances.

Fields are loaded lazily. They are slots; Python calls ``Entity.__getattr__`` for an unset slot, which decodes the
field, once, and remembers the value. Setting a field costs nothing extra, since it is not observed. Fields that were
set without having been read are found at the end, by counting the referents of the instance. Whether a field has
changed is decided by its encoded bytes, so in-place changes are always detected.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping, Sequence
from gc import get_referents
from typing import Any as Untyped
from typing import ClassVar, Final

from statefun_actors.definition import FailurePolicy, Scope, TypeOptions
from statefun_actors.entity.field import EntityField, Methods, referents_when_bare
from statefun_actors.entity.isolation import isolation
from statefun_actors.entity.over import OVER
from statefun_actors.entity.read_ahead import ReadAhead
from statefun_actors.errors import (
    DetachedEntityError,
    StateDecodeError,
    UndeclaredAttributeError,
    ValueMismatchError,
)
from statefun_actors.model import StateSpec, TypedValue
from statefun_actors.types import Codec

_UNSET: Final = object()
_ALL: Final = -1
_new: Final = object.__new__
_NO_ATTRIBUTE: Final = re.compile(r"'([^']+)' object has no attribute '([^']+)'")


class EntityFunction:
    """The function type of one Entity class."""

    known_types: ClassVar[Mapping[str, Codec]] = {}
    owns_tokens: ClassVar[bool] = True
    stop: ClassVar[None] = None

    def __init__(
        self,
        cls: type,
        typename: str,
        fields: Sequence[EntityField],
        methods: Methods,
        on_failure: FailurePolicy | None,
        options: TypeOptions,
        was: Sequence[str] = (),
    ) -> None:
        self.cls = cls
        self.was = tuple(was)
        self.answers = methods.answers
        self.answer_names = {method.handler.name.rpartition(".")[2]: method for method in methods.answers.values()}
        """By the methods' names in the class."""
        self.name = cls.__name__
        self.typename = typename
        self.fields = tuple(fields)
        self.by_name = {field.name: field for field in fields}
        self.persisted = tuple(field.field for field in fields)
        self.states: tuple[StateSpec, ...] = tuple(field.spec for field in self.persisted)
        self.state_names = dict.fromkeys(spec.name for spec in self.states).keys()
        self.handlers = methods.handlers
        self.any_handler = methods.any_handler
        self.taken = tuple(methods.taken)
        self.on_failure = on_failure
        self.options = options
        self._refreshing = frozenset(field.state_name for field in fields if field.refreshes)
        self._ahead = ReadAhead(self.handlers)
        self._likely = list(fields)
        """The fields in the order in which they are checked for assignments."""
        self._set_scope = cls.__scope__.__set__  # type: ignore[attr-defined]
        self._count = len(self.fields)
        self._bare = referents_when_bare(cls, self.fields)
        self.isolate: Callable[[Untyped, Scope], None] | None = isolation(self.fields, self._bare, self.settle)

    def open(self, scope: Scope) -> Untyped:
        subject: Untyped = _new(self.cls)
        self._set_scope(subject, scope)
        ahead = self._ahead.get(scope.first)
        if ahead is not None:
            seen, state = scope.seen, scope.batch_state
            if scope.changes:
                state = {**state, **scope.changes}
            for name, state_name, typename, decode, put in ahead:
                stored = state[state_name]
                if stored is not None and stored.typename == typename:
                    try:
                        value = decode(stored.value)
                    except ValueError:
                        continue  # raised when the field is read
                    put(subject, value)
                    seen[name] = value
        return subject

    def abandon(self, subject: Untyped) -> None:
        self._set_scope(subject, OVER)

    # --- state out

    def settle(self, subject: Untyped, scope: Scope) -> None:
        """Copy changes to ``scope.changes``.

        Raises:
            FieldMismatchError: the value of a field does not fit its declared type.
        """
        seen, deleted, assigned = scope.seen, scope.deleted, scope.assigned
        if len(seen) != self._count and (unseen := len(get_referents(subject)) - self._bare - len(seen)):
            self._find_assigned(subject, seen, unseen)
        # All or nothing: a field that does not fit leaves the scope unchanged.
        by_name = self.by_name
        changed: dict[str, TypedValue | None] = {}
        for name in deleted:
            changed[by_name[name].state_name] = None
        for name, was in seen.items():
            field = by_name[name]
            read = field.read
            held = read(subject)
            if held is was and field.immutable and name not in assigned:
                continue
            if field.exact and held.__class__ is was.__class__ and held != was:
                changed[field.state_name] = self._encoded(field, held)
            else:
                self._compare(field, was, held, scope, changed)
            seen[name] = held
        if deleted or scope.changes:
            scope.change(changed, self._refreshing)
        elif changed:
            scope.changes = changed
        if assigned or deleted:
            scope.assigned = scope.deleted = frozenset()

    def _encoded(self, field: EntityField, held: object) -> TypedValue:
        encode = field.encode
        try:
            return TypedValue(field.typename, encode(held))
        except ValueMismatchError as error:
            raise field.mismatch(self.name, error) from error

    def _compare(
        self, field: EntityField, was: object, held: object, scope: Scope, changed: dict[str, TypedValue | None]
    ) -> None:
        """Add *held*, the value of *field*, to *changed*, if it has changed: by its encoding."""
        name, state_name = field.name, field.state_name
        current = None if name in scope.deleted else scope.current(state_name)
        if held is None and field.optional:
            if current is not None:
                changed[state_name] = None
            return
        encoded = self._encoded(field, held)
        if name in scope.assigned or not self._is_stored(field, current, was, held, encoded.value, scope):
            changed[state_name] = encoded

    def _find_assigned(self, subject: Untyped, seen: dict[str, object], count: int) -> None:
        """Record the *count* fields that were assigned without having been read; negative: the number is unknown."""
        found = []
        for field in self._likely:
            if field.name in seen:
                continue
            try:
                field.get(subject)
            except AttributeError:
                continue
            seen[field.name] = _UNSET
            found.append(field)
            if len(found) == count:
                break
        # An unset slot costs an exception, so the fields that were assigned last are checked first.
        if self._likely[: len(found)] != found:
            self._likely = [*found, *(field for field in self._likely if field not in found)]

    def _is_stored(
        self, field: EntityField, current: TypedValue | None, was: object, held: object, data: bytes, scope: Scope
    ) -> bool:
        """Whether *data*, the encoding of *held*, need not be stored: *current* is equal, or another encoding of the
        same.

        Other SDKs, older classes and 2.x (for primitives) encode differently; a default created for an absent field has
        no encoding. *was* is the value that was read, or _UNSET.
        """
        if current is None:
            return held is was and scope.defaults is not None and scope.defaults.get(field.name) == data
        if current.value == data and current.typename == field.typename:
            return True
        if held is was:
            return field.encode(field.field.read(self.name, current)) == data
        if field.immutable and was.__class__ is held.__class__ and was != held:
            return False  # codecs guarantee that equal bytes are read as equal values
        if current.typename not in field.readable:
            return False
        try:
            if was is _UNSET or not field.immutable:  # a mutable value may have changed
                was = field.codec.decode(current.value, current.typename)
            return was == held if field.exact else field.encode(was) == data
        except ValueError:
            return False

    # --- state in

    def read(self, subject: Untyped, name: str, scope: Scope | None) -> object:
        """The value of a field whose slot is unset.

        Raises:
            UndeclaredAttributeError: there is no such field.
            StateDecodeError: its stored state can't be read.
            DetachedEntityError: the batch has ended.
        """
        field = self.by_name.get(name)
        if field is None:
            return self._otherwise(subject, name)
        if scope is None:
            return self._detached_default(subject, field)
        if scope is OVER:
            raise DetachedEntityError(self.name, name)
        state_name = field.state_name
        changes = scope.changes
        current = changes[state_name] if state_name in changes else scope.batch_state[state_name]
        if current is None or name in scope.deleted:
            factory = field.field.factory
            if factory is None:
                return field.field.default
            value = factory()
            data = self._encoded_default(field, value)
            if field.unshared is not None and not field.unshared(value, 0):
                value = field.decode(data)  # it is shared, or would be read back differently
            scope.note_default(name, value, data)
        else:
            try:
                value = field.field.read(self.name, current)
            except StateDecodeError as error:
                scope.fatal = error
                raise
            scope.seen[name] = value
            if field.immutable:
                self._ahead.note(scope.first, field)
        field.set(subject, value)
        return value

    def readable(self, subject: Untyped, scope: Scope | None) -> list[str]:
        """The readable fields: all during the batch; afterwards those that the instance still holds."""
        if scope is not OVER:
            return list(self.by_name)
        seen: dict[str, object] = {}
        self._find_assigned(subject, seen, _ALL)
        return list(seen)

    def _detached_default(self, subject: Untyped, field: EntityField) -> object:
        if field.field.factory is None:
            return field.field.default
        made = field.field.factory()
        field.set(subject, made)
        return made

    def _otherwise(self, subject: Untyped, name: str) -> object:
        """The error for an attribute without a slot; for a property that raised AttributeError, its own error."""
        for cls in type(subject).__mro__:
            if name in cls.__dict__:
                return cls.__dict__[name].__get__(subject, type(subject))
        raise UndeclaredAttributeError(self.name, name, tuple(self.by_name))

    def _encoded_default(self, field: EntityField, made: object) -> bytes:
        try:
            return field.encode(made)
        except ValueMismatchError as error:
            raise field.mismatch(self.name, error) from error

    def delete(self, subject: Untyped, name: str, scope: Scope | None) -> None:
        """``del self.name``: make the field absent.

        Raises:
            UndeclaredAttributeError: there is no such field.
            DetachedEntityError: the batch has ended.
        """
        field = self.by_name.get(name)
        if field is None:
            raise UndeclaredAttributeError(self.name, name, tuple(self.by_name))
        if scope is OVER:
            raise DetachedEntityError(self.name, name)
        if scope is not None:
            scope.note_deleted(name)
        with contextlib.suppress(AttributeError):
            field.delete(subject)

    def explain(self, error: Exception) -> Exception:
        """*error*, or a helpful error if an attribute was assigned that is not a field.

        The class has slots, so Python itself refuses the assignment, but with less detail.
        """
        if type(error) is not AttributeError or not (error.args and type(text := error.args[0]) is str):
            return error  # not one of Python; its str() may run code of the user, which may raise anything
        match = _NO_ATTRIBUTE.match(text)
        if match is None or match[1] != self.name or not isinstance(error.obj, self.cls | None):
            return error
        clear = UndeclaredAttributeError(self.name, match[2], tuple(self.by_name))
        return clear.with_traceback(error.__traceback__)
