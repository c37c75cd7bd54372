"""Persisted fields: declarations, checked and compiled once when they are defined."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any as Untyped
from typing import Final

from statefun_actors.definition.error_text import shown, spelled
from statefun_actors.definition.persisted import NOTHING, Persisted, declaration_problems
from statefun_actors.errors import StateDecodeError, ValueMismatchError
from statefun_actors.interrupts import of_user_code
from statefun_actors.model import UNREADABLE, Expiration, StateSpec, TypedValue
from statefun_actors.types import (
    Codec,
    UnstorableTypeError,
    any_of,
    codec_for,
    is_immutable,
    keeps_more,
    split_optional,
)

_ANY: Final = "type.googleapis.com/google.protobuf.Any"


class Field:
    """A persisted field of a class, or a declared state of a function."""

    __slots__ = (
        "codec",
        "convert",
        "default",
        "factory",
        "immutable",
        "name",
        "optional",
        "refresh_on_assignment",
        "spec",
        "state_name",
        "typename",
    )

    def __init__(self, name: str, codec: Codec, optional: bool, declaration: Persisted) -> None:
        self.name = name
        self.state_name = declaration.name if declaration.name is not None else name
        self.codec = codec
        self.typename = codec.typename
        self.immutable = codec.immutable
        self.optional = optional
        self.default = _default(codec, declaration)
        self.factory = declaration.factory if declaration.factory is not None else _copying(codec, self.default)
        self.convert = declaration.convert
        self.refresh_on_assignment = declaration.expire_after_write is not None
        self.spec = _spec(self.state_name, codec.typename, declaration)

    @property
    def spelling(self) -> str:
        return f"{self.codec.spelling} or None" if self.optional else self.codec.spelling

    def read(self, owner: str, stored: TypedValue) -> object:
        """Decode *stored* to a Python value.

        Raises:
            StateDecodeError: it doesn't fit the declared type.
        """
        typename = stored.typename
        codec = self.codec
        try:
            if self._takes(typename):
                return codec.decode(stored.value, typename)
        except ValueError as error:
            if self.convert is None:
                raise self._unreadable(owner, stored, str(error)) from error
            return self._converted(owner, stored, f"{error}; and ")
        if self.convert is None:
            if self.typename == _ANY and typename != UNREADABLE:
                return any_of(stored)  # in 2.x the state is the Any itself
            raise StateDecodeError(owner, self.name, self.spelling, f"state of type {typename!r}", "")
        return self._converted(owner, stored, "")

    def reads_itself(self, stored: TypedValue) -> bool:
        """Whether the declared type reads *stored*, so that *convert* is not called."""
        if not self._takes(stored.typename):
            return False
        try:
            self.codec.decode(stored.value, stored.typename)
        except ValueError:
            return False
        return True

    def _takes(self, typename: str) -> bool:
        codec = self.codec
        return typename == self.typename or typename in codec.accepts or typename in codec.lenient

    def absent_value(self) -> object:
        """The value of an absent field, outside of a handler. Raises ValueMismatchError: *factory* fails."""
        if self.factory is None:
            return self.default
        try:
            return self.factory()
        except BaseException as error:
            got = f"factory= that raised {shown(of_user_code(error))}"
            raise ValueMismatchError(f"a value of {self.spelling}", got) from error

    def _converted(self, owner: str, stored: TypedValue, first: str) -> object:
        """Let *convert* read state that the declared type can't read: another typename, or an older shape."""
        assert self.convert is not None
        try:
            value = self.convert(stored)
            if not (value is None and self.optional):
                self.codec.encode(value)
        except ValueMismatchError as error:
            raise self._unreadable(
                owner, stored, f"{first}convert= returned a value of another type: {error}"
            ) from error
        except BaseException as error:
            raise self._unreadable(owner, stored, f"{first}convert= raised {shown(of_user_code(error))}") from error
        return value

    def _unreadable(self, owner: str, stored: TypedValue, reason: str) -> StateDecodeError:
        return StateDecodeError(
            owner, self.name, self.spelling, f"{len(stored.value)} bytes of {stored.typename!r}", reason
        )


def make_field(
    name: str, annotation: object, declaration: Persisted, *, optional: bool = False
) -> tuple[Field | None, list[str]]:
    """The field *name*, or its problems. *optional*: it may be None, regardless of its annotation."""
    problems = declaration_problems(declaration)
    if isinstance(annotation, Persisted):
        return None, [
            *problems,
            f"Python resolves the annotation to the field itself, since both are named {name!r}; "
            f"use a qualified name, such as `module.{name}`",
        ]
    inner, may_be_none = split_optional(annotation)
    optional = optional or may_be_none
    if declaration.type is not NOTHING and split_optional(declaration.type)[0] != inner:
        problems.append(
            f"persisted(type={spelled(declaration.type)}) contradicts the annotation {spelled(annotation)}; remove one"
        )
    try:
        codec = codec_for(inner, state=True)
    except UnstorableTypeError as error:
        return None, [*problems, str(error)]
    problems += _default_problems(codec, optional, declaration)
    return (None, problems) if problems else (Field(name, codec, optional, declaration), [])


def _default_problems(codec: Codec, optional: bool, declaration: Persisted) -> list[str]:
    default = declaration.default
    if declaration.factory is not None:
        if optional:
            return ["an optional field's default is None; remove factory=, or remove `| None`"]
        return _factory_problems(codec, declaration.factory) if callable(declaration.factory) else []
    if optional:
        if default is not NOTHING and default is not None:
            return [f"an optional field's default is None, got {shown(default)}; remove `| None`, or the default"]
        return []
    if default is NOTHING:
        return ["a field that is not optional needs a default: persisted(default=...) or persisted(factory=...)"]
    if default is None:
        return [f"default=None does not fit {codec.spelling}; annotate it as optional (`... | None`)"]
    try:
        codec.encode(default)
    except ValueMismatchError as error:
        return [f"default={shown(default)} does not fit: {error}"]
    if not codec.immutable and not is_immutable(default):
        return [f"default={shown(default)} is mutable and would be shared; write {_as_factory(default)}"]
    return []


def _factory_problems(codec: Codec, factory: Untyped) -> list[str]:
    try:
        made = factory()
        codec.encode(made)
    except ValueMismatchError as error:
        return [f"factory= returns a value that does not fit: {error}"]
    except BaseException as error:
        return [f"factory= raised {shown(of_user_code(error))}"]
    if not codec.immutable and not is_immutable(made) and factory() is made:
        return ["factory= returns the same object twice, which would be shared; return a new one each time"]
    return []


def _default(codec: Codec, declaration: Persisted) -> object:
    """The default as it would be read back: 0.0 for a 0 in a field of float."""
    if declaration.default is NOTHING or declaration.default is None:
        return None if declaration.default is NOTHING else declaration.default
    return codec.decode(codec.encode(declaration.default))


def _copying(codec: Codec, default: object) -> Callable[[], object] | None:
    """A factory for an immutable *default* to which its own code may add something, which must not be shared."""
    if codec.immutable or not keeps_more(default):
        return None
    data = codec.encode(default)
    return lambda: codec.decode(data)


def _as_factory(default: object) -> str:
    if default in ([], {}, set()):
        return f"factory={type(default).__name__}"
    return f"factory=lambda: {shown(default)}"


def _spec(state_name: str, typename: str, declaration: Persisted) -> StateSpec:
    for ttl, expiration in (
        (declaration.expire_after_write, Expiration.AFTER_WRITE),
        (declaration.expire_after_call, Expiration.AFTER_CALL),
    ):
        if ttl is not None:
            return StateSpec(state_name, typename, expiration, int(ttl // timedelta(milliseconds=1)))
    return StateSpec(state_name, typename)
