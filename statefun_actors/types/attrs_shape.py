"""The shape of an attrs class: an object with a member for each attribute, under the attribute's name.

Reading tolerates what other versions of the class wrote: unknown members are ignored, missing ones take the
attribute's default. Values are made by ``__init__``, so converters and validators run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs

from statefun_actors.types.mismatch import Mismatch, member
from statefun_actors.types.shape import Shape, wrong_type

_MISSING: Any = object()


class Member(NamedTuple):
    """One attribute: its name, the name of its argument (None: not an argument), and whether it must be there."""

    name: str
    argument: str | None
    shape: Shape
    required: bool


def attrs_shape(cls: type, spelling: str, members: Sequence[Member]) -> Shape:
    """The shape of the attrs class *cls*."""
    dumps = tuple((each.name, each.shape.dump) for each in members)
    arguments = [each for each in members if each.argument]
    loads = tuple((each.name, each.argument, each.shape.load) for each in arguments)
    loads_after = tuple((each.name, each.shape.load) for each in members if not each.argument)
    required = {each.name: each.shape.spelling for each in arguments if each.required}
    make = _constructor(cls, spelling)

    def dump(value: Any) -> dict[str, Any]:
        if value.__class__ is not cls:
            raise wrong_type(spelling, value)
        result: dict[str, Any] = {}
        name = ""
        try:
            for name, dump_member in dumps:
                result[name] = dump_member(getattr(value, name))
        except Mismatch as mismatch:
            mismatch.under(member(name))
            raise
        except AttributeError:
            raise Mismatch("a value", "an attribute that was never set").under(member(name)) from None
        return result

    def load(obj: Any) -> Any:
        if obj.__class__ is not dict:
            raise wrong_type(spelling, obj)
        values: dict[str | None, Any] = {}
        name = ""
        try:
            for name, argument, load_member in loads:
                item = obj.get(name, _MISSING)
                if item is not _MISSING:
                    values[argument] = load_member(item)
                elif name in required:
                    raise Mismatch(f"`{required[name]}`", "nothing")
        except Mismatch as mismatch:
            mismatch.under(member(name))
            raise
        result = make(values)
        try:
            for name, load_member in loads_after:
                item = obj.get(name, _MISSING)
                if item is not _MISSING:
                    object.__setattr__(result, name, load_member(item))
        except Mismatch as mismatch:
            mismatch.under(member(name))
            raise
        return result

    return Shape(spelling, dump, load, hashable=cls.__hash__ is not None)


def runs_user_code(cls: type) -> bool:
    """Whether making an instance runs converters, validators or other code that may refuse or change values."""
    return (
        hasattr(cls, "__attrs_post_init__")
        or hasattr(cls, "__attrs_pre_init__")
        or any(each.converter is not None or each.validator is not None for each in attrs.fields(cls))
    )


def _constructor(cls: type, spelling: str) -> Callable[[dict[Any, Any]], Any]:
    """What makes an instance of its arguments: the class, or attrs' own __init__ where the user wrote another."""
    own_init = vars(cls).get("__attrs_init__")

    def make(arguments: dict[Any, Any]) -> Any:
        try:
            if own_init is None:
                return cls(**arguments)
            value = cls.__new__(cls)
            own_init(value, **arguments)
        except RecursionError:
            raise
        except Exception as error:
            raise Mismatch(f"values that `{spelling}` accepts", f"{type(error).__name__}: {error}", error) from None
        return value

    return make
