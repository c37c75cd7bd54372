"""``persisted(...)``: declares a field of a class, or a state of a function."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import BuiltinFunctionType
from typing import Any, Final, TypeVar, overload

from statefun_actors.definition.error_text import is_text, shown
from statefun_actors.model import TypedValue

_T = TypeVar("_T")


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = _Nothing()


class Persisted:
    """The declaration that ``persisted(...)`` returns; its class or function evaluates it."""

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
        """A copy that expires *after_call*, unless it has an expiry."""
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
) -> Any: ...
def persisted(
    *,
    default: object = NOTHING,
    factory: Callable[[], object] | None = None,
    name: str | None = None,
    type: object = NOTHING,
    expire_after_write: timedelta | None = None,
    expire_after_call: timedelta | None = None,
    convert: Callable[[TypedValue], object] | None = None,
) -> Any:
    """A field of an entity that is kept between messages, or a declared state of a function.

    ::

        class Cart(Entity, typename="shop/cart"):
            items: dict[str, int] = persisted(factory=dict[str, int], expire_after_write=timedelta(days=30))
            paid: bool = persisted(default=False)
            note: str | None = persisted()  # None while it is absent

    Args:
        default: the value while the field is absent; immutable. Of an optional field (``X | None``) only None.
        factory: creates that value, for mutable ones: ``factory=list[str]``.
        name: name of the stored state, by default that of the field. A renamed field keeps its state
            if the old name is given here.
        type: type of the value, if there is no annotation (a function's state).
        expire_after_write: time after its last write when the state expires. Reading is no write, assigning an equal
            value is one.
        expire_after_call: time after the entity's last batch when the state expires, whichever fields that used.
        convert: ``fn(TypedValue) -> value`` reads state that an older version wrote as another type. It gets
            the ``typename`` and the bytes, ``value``; ``statefun_actors.types.value_of`` decodes them.
            A result that does not fit the field's type fails the batch.

    Invalid declarations are reported when the class or function that uses them is defined.
    """
    return Persisted(default, factory, name, type, expire_after_write, expire_after_call, convert)


def _builtin_name(convert: object) -> str | None:
    """The name of *convert*, if it is a class of Python's: most of these accept any object."""
    if isinstance(convert, type | BuiltinFunctionType) and convert.__module__ == "builtins":
        return convert.__name__
    return None


def declaration_problems(declaration: Persisted) -> list[str]:
    """The problems of a declaration that don't depend on its type."""
    problems = []
    if declaration.name is not None and not is_text(declaration.name):
        problems.append(f"name= is a non-empty string that UTF-8 can encode, got {shown(declaration.name)}")
    if declaration.default is not NOTHING and declaration.factory is not None:
        problems.append("give default= or factory=, not both")
    if declaration.factory is not None and not callable(declaration.factory):
        problems.append(f"factory= is called without arguments to make the default, got {shown(declaration.factory)}")
    if declaration.convert is not None and not callable(declaration.convert):
        problems.append(f"convert= is a function of a TypedValue, got {shown(declaration.convert)}")
    elif (name := _builtin_name(declaration.convert)) is not None:
        problems.append(
            f"convert= is a function of a TypedValue, which {name} does not understand; write "
            f"convert=lambda stored: {name}(value_of(stored)), with value_of from statefun_actors.types"
        )
    if declaration.expire_after_write is not None and declaration.expire_after_call is not None:
        problems.append("give expire_after_write= or expire_after_call=, not both")
    ttls = (ttl_problem(name, getattr(declaration, name)) for name in ("expire_after_write", "expire_after_call"))
    return problems + [problem for problem in ttls if problem is not None]


def ttl_problem(keyword: str, ttl: object) -> str | None:
    """The problem of the time to live *ttl*, given as *keyword*; None without one."""
    if ttl is None or (isinstance(ttl, timedelta) and ttl >= timedelta(milliseconds=1)):
        return None
    return f"{keyword}= is a timedelta of at least a millisecond, got {shown(ttl)}"
