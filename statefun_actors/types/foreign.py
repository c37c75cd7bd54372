"""Classes of other libraries (dataclasses, pydantic, msgspec, …), and how to make messages of them."""

from __future__ import annotations

import dataclasses
import sys
import typing
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec
from google.protobuf.message import Message

from statefun_actors.types.advice import is_entity_class

_NO_BASES: Final = (Enum, str, int, float, bytes, list, dict, tuple, set, frozenset, BaseException)
_KNOWN_METACLASSES: Final = frozenset(("abc", "builtins", "typing", "typing_extensions"))


class Foreign(NamedTuple):
    """A kind of class whose fields another library defines. ``remove``: the decorator or base that makes it one."""

    kind: str
    remove: str
    lost: str = ""
    """The feature that it would lose as a message."""


def foreign_kind(cls: type) -> Foreign | None:
    """The kind of *cls*; None if it is a plain class."""
    if hasattr(cls, "__pydantic_fields__") or hasattr(cls, "__pydantic_model__") or hasattr(cls, "model_fields"):
        if dataclasses.is_dataclass(cls):
            return Foreign("a pydantic dataclass", "@dataclass", "its validation")
        return Foreign("a pydantic model", "the base BaseModel", "its validation")
    if dataclasses.is_dataclass(cls):
        return Foreign("a dataclass", "@dataclass")
    if issubclass(cls, msgspec.Struct):
        return Foreign("a msgspec.Struct", "the base msgspec.Struct")
    if typing.is_typeddict(cls):
        return Foreign("a TypedDict", "the base TypedDict")
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return Foreign("a NamedTuple", "the base NamedTuple")
    return None


def reason_against_plain(cls: type) -> str | None:
    """Why ``@message`` can't make an attrs class of the plain class *cls*, and what to write; None if it can."""
    if is_entity_class(cls):
        return "an Entity can't be a message. Send its address, or a @message class with the fields to send."
    foreign = foreign_kind(cls)
    if foreign is not None:
        lost = f": {foreign.lost} would be lost" if foreign.lost else ""
        instead = "; a field is checked by attrs.field(validator=...)" if foreign.lost else ""
        return (
            f"{foreign.kind} can't be a message{lost}. "
            f"Remove {foreign.remove}: @message makes the class a frozen attrs class{instead}."
        )
    for base in _NO_BASES:
        if issubclass(cls, base):
            return f"a subclass of {base.__name__} can't be a message. Name a class that has one as a field."
    metaclass: Any = type(cls)
    if metaclass.__module__ not in _KNOWN_METACLASSES:
        return (
            f"its metaclass {metaclass.__name__} defines fields in a way that @message does not "
            "know. Write a class without that base, with annotated fields."
        )
    for other in cls.__mro__[1:]:
        fields = vars(other).get("__annotations__", {})
        if fields and "__attrs_attrs__" not in vars(other) and not getattr(other, "_is_protocol", False):
            return (
                f"its base {other.__name__} is a plain class, so {', '.join(fields)} would not be a field. "
                f"Write @attrs.frozen above class {other.__name__}."
            )
    return None


def message_advice(cls: type) -> str | None:
    """How to make values of the unnamed class *cls* sendable; None if it can't be done."""
    if not isinstance(cls, type) or is_entity_class(cls) or issubclass(cls, Message):
        return None
    foreign = foreign_kind(cls)
    if foreign is not None:
        return f'write @message("ns/name") above `class {cls.__name__}`, and remove {foreign.remove}'
    root = cls.__module__.partition(".")[0]
    ours_or_python = root in sys.stdlib_module_names and root != "__main__"
    if ours_or_python or root == "statefun_actors" or issubclass(cls, _NO_BASES) or getattr(cls, "_is_protocol", False):
        return None
    return f'write @message("ns/name") above `class {cls.__name__}`'
