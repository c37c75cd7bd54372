"""Persisted state as it is declared: ``persisted(...)``, for a field of a class and for a state of a function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import BuiltinFunctionType
from typing import Any as Untyped
from typing import Final, TypeVar, overload

from statefun_actors.definition.showing import is_text, shown
from statefun_actors.model import TypedValue

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

    def expiring(self, after_call: timedelta) -> Persisted:
        """The same, which expires *after_call* if it says nothing itself."""
        if self.expire_after_write is not None or self.expire_after_call is not None:
            return self
        return Persisted(self.default, self.factory, self.name, self.type, None, after_call, self.convert)

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
        convert: ``fn(TypedValue) -> value`` reads state that an older version wrote as another type. It gets
            the ``typename`` and the bytes, ``value``; ``statefun_actors.types.value_of`` makes a Python value of them.
            A result that does not fit the field's type fails the batch.

    What can't work is reported by the class or function that the declaration is used in, when that is defined.
    """
    return Persisted(default, factory, name, type, expire_after_write, expire_after_call, convert)


def _builtin_name(convert: object) -> str | None:
    """The name of *convert*, if it is one of Python's own: most of these make something of any object there is."""
    if isinstance(convert, type | BuiltinFunctionType) and convert.__module__ == "builtins":
        return convert.__name__
    return None


def declaration_problems(declaration: Persisted) -> list[str]:
    """What is wrong with a declaration, whatever its type."""
    problems = []
    if declaration.name is not None and not is_text(declaration.name):
        problems.append(f"name= is a non-empty string that UTF-8 can write, got {shown(declaration.name)}")
    if declaration.default is not NOTHING and declaration.factory is not None:
        problems.append("give default= or factory=, not both")
    if declaration.factory is not None and not callable(declaration.factory):
        problems.append(f"factory= is called without arguments to make the default, got {shown(declaration.factory)}")
    if declaration.convert is not None and not callable(declaration.convert):
        problems.append(f"convert= is a function of a TypedValue, got {shown(declaration.convert)}")
    elif (name := _builtin_name(declaration.convert)) is not None:
        problems.append(
            f"convert= is a function of a TypedValue, of which {name} knows nothing; write "
            f"convert=lambda stored: {name}(value_of(stored)), with value_of from statefun_actors.types"
        )
    if declaration.expire_after_write is not None and declaration.expire_after_call is not None:
        problems.append("give expire_after_write= or expire_after_call=, not both")
    ttls = (ttl_problem(name, getattr(declaration, name)) for name in ("expire_after_write", "expire_after_call"))
    return problems + [problem for problem in ttls if problem is not None]


def ttl_problem(keyword: str, ttl: object) -> str | None:
    """What is wrong with the time to live *ttl*, which was given as *keyword*; None if nothing is."""
    if ttl is None or (isinstance(ttl, timedelta) and ttl >= timedelta(milliseconds=1)):
        return None
    return f"{keyword}= is a timedelta of at least a millisecond, got {shown(ttl)}"
