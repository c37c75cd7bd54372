"""Persisted state as it is declared: ``persisted(...)``, for a field of a class and for a state of a function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any as Untyped
from typing import Final, TypeVar, overload

from statefun_actors.errors import StateDecodeError, ValueMismatchError
from statefun_actors.model import Expiration, StateSpec, TypedValue
from statefun_actors.types import Codec, UnstorableTypeError, codec_for, split_optional

_T = TypeVar("_T")


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()


class Persisted:
    """What ``persisted(...)`` returns: a declaration, taken in when its class or function is defined."""

    __slots__ = ("convert", "default", "expire_after_call", "expire_after_write", "factory", "name", "type")

    def __init__(
        self,
        default: object,
        factory: Callable[[], object] | None,
        name: str | None,
        type_: object,
        expire_after_write: timedelta | None,
        expire_after_call: timedelta | None,
        convert: Callable[[TypedValue], object] | None,
    ) -> None:
        self.default = default
        self.factory = factory
        self.name = name
        self.type = type_
        self.expire_after_write = expire_after_write
        self.expire_after_call = expire_after_call
        self.convert = convert

    @property
    def has_default(self) -> bool:
        return self.default is not NOTHING or self.factory is not None

    @property
    def has_type(self) -> bool:
        return self.type is not NOTHING


@overload
def persisted(
    *,
    default: _T,
    name: str | None = None,
    type: object = ...,
    expire_after_write: timedelta | None = None,
    expire_after_call: timedelta | None = None,
    convert: Callable[[TypedValue], object] | None = None,
) -> _T: ...
@overload
def persisted(
    *,
    factory: Callable[[], _T],
    name: str | None = None,
    type: object = ...,
    expire_after_write: timedelta | None = None,
    expire_after_call: timedelta | None = None,
    convert: Callable[[TypedValue], object] | None = None,
) -> _T: ...
@overload
def persisted(
    *,
    name: str | None = None,
    type: object = ...,
    expire_after_write: timedelta | None = None,
    expire_after_call: timedelta | None = None,
    convert: Callable[[TypedValue], object] | None = None,
) -> Untyped: ...
def persisted(
    *,
    default: object = NOTHING,
    factory: Callable[[], object] | None = None,
    name: str | None = None,
    type: object = NOTHING,
    expire_after_write: timedelta | None = None,
    expire_after_call: timedelta | None = None,
    convert: Callable[[TypedValue], object] | None = None,
) -> Untyped:
    """A field of an entity that is kept between messages, or a declared state of a function.

    Args:
        default: what the field reads as while it is absent; immutable.
        factory: makes that value instead, for mutable ones: ``factory=list``.
        name: of the state where it is stored; the field's own name unless given. Renaming a field keeps its state
            if the old name is given here.
        type: of the value, where there is no annotation to say it (a function's state).
        expire_after_write: the state goes away this long after it was last written.
        expire_after_call: the state goes away this long after the entity's last batch.
        convert: ``fn(TypedValue) -> value`` reads state that an older version wrote as another type.

    What can't work is reported by the class or function that the declaration is used in, when that is defined.
    """
    return Persisted(default, factory, name, type, expire_after_write, expire_after_call, convert)


class Field:
    """A persisted field with everything worked out that can be, once, at definition."""

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
        self.default = None if declaration.default is NOTHING else declaration.default
        self.factory = declaration.factory
        self.convert = declaration.convert
        self.refresh_on_assignment = declaration.expire_after_write is not None
        self.spec = _spec(self.state_name, codec.typename, declaration)

    @property
    def spelling(self) -> str:
        return f"{self.codec.spelling} or None" if self.optional else self.codec.spelling

    def read(self, owner: str, stored: TypedValue) -> object:
        """The Python value of *stored*.

        Raises:
            StateDecodeError: it doesn't fit the declared type.
        """
        typename = stored.typename
        codec = self.codec
        try:
            if typename == self.typename or typename in codec.accepts or typename in codec.lenient:
                return codec.decode(stored.value, typename)
            if self.convert is None:
                raise StateDecodeError(owner, self.name, self.spelling, f"state of type {typename!r}", "")
            return self.convert(stored)
        except StateDecodeError:
            raise
        except Exception as error:
            if self.convert is not None and typename == self.typename:
                return self._convert(owner, stored, error)
            raise StateDecodeError(
                owner, self.name, self.spelling, f"{len(stored.value)} bytes of {typename!r}", str(error)
            ) from error

    def _convert(self, owner: str, stored: TypedValue, first: Exception) -> object:
        """The shape changed inside one typename: the declared type can't read it, so *convert* gets its try."""
        assert self.convert is not None
        try:
            return self.convert(stored)
        except Exception as error:
            raise StateDecodeError(
                owner, self.name, self.spelling, f"{len(stored.value)} bytes of {stored.typename!r}",
                f"{first}; and convert= raised {error!r}",
            ) from error  # fmt: skip


def _spec(state_name: str, typename: str, declaration: Persisted) -> StateSpec:
    for ttl, expiration in (
        (declaration.expire_after_write, Expiration.AFTER_WRITE),
        (declaration.expire_after_call, Expiration.AFTER_CALL),
    ):
        if ttl is not None:
            return StateSpec(state_name, typename, expiration, int(ttl // timedelta(milliseconds=1)))
    return StateSpec(state_name, typename)


def field_problems(declaration: Persisted) -> list[str]:
    """What is wrong with a declaration, whatever its type."""
    problems = []
    if declaration.name is not None and (not isinstance(declaration.name, str) or not declaration.name):
        problems.append(f"name= is a non-empty string, got {declaration.name!r}")
    if declaration.default is not NOTHING and declaration.factory is not None:
        problems.append("give default= or factory=, not both")
    if declaration.factory is not None and not callable(declaration.factory):
        problems.append(f"factory= is called without arguments to make the default, got {declaration.factory!r}")
    if declaration.convert is not None and not callable(declaration.convert):
        problems.append(f"convert= is a function of a TypedValue, got {declaration.convert!r}")
    if declaration.expire_after_write is not None and declaration.expire_after_call is not None:
        problems.append("give expire_after_write= or expire_after_call=, not both")
    for keyword in ("expire_after_write", "expire_after_call"):
        ttl = getattr(declaration, keyword)
        if ttl is not None and (not isinstance(ttl, timedelta) or ttl < timedelta(milliseconds=1)):
            problems.append(f"{keyword}= is a timedelta of at least a millisecond, got {ttl!r}")
    return problems


def make_field(
    name: str, annotation: object, declaration: Persisted, *, optional: bool = False
) -> tuple[Field | None, list[str]]:
    """The field *name*, or what is wrong with it. *optional* = it may be None, whatever the annotation says."""
    problems = field_problems(declaration)
    inner, may_be_none = split_optional(annotation)
    optional = optional or may_be_none
    if declaration.type is not NOTHING and declaration.type not in (annotation, inner):
        problems.append(
            f"persisted(type={declaration.type!r}) contradicts the annotation {annotation!r}; leave one out"
        )
    try:
        codec = codec_for(inner)
    except UnstorableTypeError as error:
        return None, [*problems, str(error)]
    problems += _default_problems(codec, optional, declaration)
    return (None, problems) if problems else (Field(name, codec, optional, declaration), [])


def _default_problems(codec: Codec, optional: bool, declaration: Persisted) -> list[str]:
    default = declaration.default
    if declaration.factory is not None:
        if optional:
            return ["an optional field's default is None; leave factory= out, or drop `| None`"]
        try:
            codec.encode(declaration.factory())
        except ValueMismatchError as error:
            return [f"factory= makes a value that does not fit: {error}"]
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything
            return [f"factory= raised {error!r}"]
        return []
    if optional:
        if default is not NOTHING and default is not None:
            return [f"an optional field's default is None, got {default!r}; drop `| None`, or the default"]
        return []
    if default is NOTHING:
        return ["a field that is not optional needs a default: persisted(default=...) or persisted(factory=...)"]
    if default is None:
        return [f"default=None does not fit {codec.spelling}; annotate it as optional (`... | None`)"]
    try:
        codec.encode(default)
    except ValueMismatchError as error:
        return [f"default={default!r} does not fit: {error}"]
    if not codec.immutable and default != () and not isinstance(default, frozenset):
        return [f"default={default!r} is mutable and would be shared; write factory=lambda: {default!r}"]
    return []
