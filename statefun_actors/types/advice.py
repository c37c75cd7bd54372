"""Advice for annotations whose values can't be stored: why, and what to write instead."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime as dt
import types
import typing
from enum import Enum

import msgspec

from statefun_actors.types.mismatch import shown
from statefun_actors.types.supported import FIELD_TYPES

_BARE: dict[object, str] = {
    list: "list[str]",
    dict: "dict[str, int]",
    tuple: "tuple[str, ...]",
    set: "set[str]",
    frozenset: "frozenset[str]",
    typing.List: "list[str]",  # noqa: UP006
    typing.Dict: "dict[str, int]",  # noqa: UP006
    typing.Tuple: "tuple[str, ...]",  # noqa: UP006
    typing.Set: "set[str]",  # noqa: UP006
    typing.FrozenSet: "frozenset[str]",  # noqa: UP006
}

_CONCRETE: dict[object, str] = {
    collections.abc.Sequence: "list[X] or tuple[X, ...]",
    collections.abc.MutableSequence: "list[X]",
    collections.abc.Iterable: "list[X]",
    collections.abc.Iterator: "list[X]",
    collections.abc.Collection: "list[X]",
    collections.abc.Mapping: "dict[K, V]",
    collections.abc.MutableMapping: "dict[K, V]",
    collections.abc.Set: "frozenset[X]",
    collections.abc.MutableSet: "set[X]",
    collections.deque: "list[X]",
    collections.defaultdict: "dict[K, V]",
    collections.OrderedDict: "dict[K, V]",
    collections.Counter: "dict[K, int]",
}

_OTHERS: dict[object, str] = {
    typing.Any: "say which type it is; for any message at all write `google.protobuf.any_pb2.Any`",
    object: "say which type it is; for any message at all write `google.protobuf.any_pb2.Any`",
    complex: "write `tuple[float, float]`",
    bytearray: "write `bytes`",
    memoryview: "write `bytes`",
    type(None): "None alone is not a field type; write `X | None`",
    None: "None alone is not a field type; write `X | None`",
    type: "write `str`, and keep the class's name",
    dt.time: "write `timedelta`, the time since midnight",
}


def spelled(annotation: object) -> str:
    """*annotation* as source code, without modules."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is None or annotation is type(None):
        return "None"
    if annotation is Ellipsis:
        return "..."
    if isinstance(annotation, typing.ForwardRef):
        return repr(annotation.__forward_arg__)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(spelled, arguments))
    if origin is collections.abc.Callable and len(arguments) == 2 and isinstance(arguments[0], list):
        return f"Callable[[{', '.join(map(spelled, arguments[0]))}], {spelled(arguments[1])}]"
    if isinstance(origin, type) and arguments:
        return f"{origin.__name__}[{', '.join(map(spelled, arguments))}]"
    if isinstance(annotation, type):
        return annotation.__name__
    return repr(annotation).replace("typing.", "")


def advice(annotation: object) -> str:
    """Why *annotation* can't be stored, and what to write instead."""
    name = spelled(annotation)
    origin = typing.get_origin(annotation)
    if (bare := _look_up(_BARE, annotation)) is not None:
        return f"`{name}` does not say what it holds: write for example `{bare}`"
    for concrete in (annotation, origin):
        if (instead := _look_up(_CONCRETE, concrete)) is not None:
            return f"`{name}` is not one class: write `{instead}`"
    if (other := _look_up(_OTHERS, annotation) or _look_up(_OTHERS, origin or annotation)) is not None:
        return f"`{name}` can't be stored: {other}"
    if isinstance(annotation, (str, typing.ForwardRef)):
        return f"{name} is quoted: write the class itself"
    if isinstance(annotation, (typing.TypeVar, typing.ParamSpec)):
        return f"`{name}` is a free type variable: write the class with its argument, such as `Box[int]`"
    if isinstance(annotation, type):
        return f"`{name}` can't be stored: {_class_advice(annotation)}"
    if origin is collections.abc.Callable or isinstance(annotation, types.FunctionType):
        return f"`{name}` can't be stored: write a method, and keep the values that it needs"
    return f"`{name}` can't be stored: write one of the types that can: {FIELD_TYPES}"


def shared_default(default: object) -> str:
    """Why a mutable *default* is refused, and what to write instead."""
    written = shown(default)
    factory = type(default).__name__ if default in ([], {}, set()) else f"lambda: {written}"
    return f"the default {written} is mutable and would be shared; write `attrs.field(factory={factory})`"


def shared_made(part: object) -> str:
    """Why a factory is refused whose results share the mutable *part*, and what to write instead."""
    return (
        f"its factory returns {shown(part)} twice, the same object, which would be shared; create a new one each time"
    )


def is_entity_class(cls: type) -> bool:
    """Whether *cls* is an Entity class, which has the fields of an attrs class but is not a value."""
    return hasattr(cls, "__abstract_entity__")


def _class_advice(cls: type) -> str:
    if is_entity_class(cls):
        return f"an Entity is not a value; write `Address`, and keep `{cls.__name__}.at(id)`"
    if typing.is_typeddict(cls) or issubclass(cls, msgspec.Struct) or dataclasses.is_dataclass(cls):
        return "make it an attrs class (`@attrs.define`, the fields stay as they are)"
    if hasattr(cls, "__attrs_attrs__"):
        return "it derives from an attrs class, but is not one itself: decorate it with `@attrs.define` too"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "make it an attrs class (`@attrs.frozen`), or write `tuple[X, Y]`"
    if issubclass(cls, Enum):
        return "an Enum is stored by its values, which must all be str, or int of 64 bits; give it such values"
    if getattr(cls, "_is_protocol", False):
        return "a Protocol has no values of its own; write the classes that implement it"
    if hasattr(cls, "model_fields") or hasattr(cls, "__pydantic_fields__"):
        return "make it an attrs class (`@attrs.define`), or keep its JSON text as `str`"
    for base in (str, int, float, bytes, list, dict, tuple, set):
        if issubclass(cls, base):
            return f"it would be read back as a plain {base.__name__}; write `{_look_up(_BARE, base) or base.__name__}`"
    return "write an attrs class (`@attrs.define`) with the fields to keep"


def _look_up(table: dict[object, str], annotation: object) -> str | None:
    try:
        return table.get(annotation)
    except TypeError:  # an unhashable annotation
        return None
