"""Infers the shape of a container that is sent without a declared type.

Its value is sketched first: a hashable outline, with one common outline for all items of a list. Equal sketches share
one compiled shape, so values are checked by the functions that check declared types, and values that no declared type
could read back are refused. Members with a ``@message`` name carry it under ``"@type"``, so that receivers can read
them both as ``list[A]`` and as ``list[A | B]``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import attrs

from statefun_actors.address import Address
from statefun_actors.types.codec import UnstorableTypeError
from statefun_actors.types.compiling import Compiler
from statefun_actors.types.containers import (
    dict_shape,
    fixed_tuple_shape,
    list_shape,
    optional_shape,
    set_shape,
    tuple_shape,
    union_shape,
)
from statefun_actors.types.dict_keys import key_of
from statefun_actors.types.foreign import message_advice
from statefun_actors.types.json import JSON_TYPENAME, JsonCodec
from statefun_actors.types.kinds import is_attrs_class, is_storable_enum
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.message_names import message_name
from statefun_actors.types.mismatch import Mismatch, kind, member, shown
from statefun_actors.types.protobuf import is_protobuf_class
from statefun_actors.types.shape import Shape


@attrs.frozen
class Unknown:
    """The items of an empty container."""


@attrs.frozen
class Single:
    """A class that is not a container and has no name."""

    cls: type


@attrs.frozen
class Named:
    """One of several classes with ``@message`` names."""

    classes: frozenset[type]


@attrs.frozen
class Many:
    """A list, set, frozenset or (of any length) tuple."""

    cls: type
    item: Sketch


@attrs.frozen
class Fixed:
    """A tuple of fixed length."""

    items: tuple[Sketch, ...]


@attrs.frozen
class Keyed:
    """A dict."""

    key: Sketch
    item: Sketch


@attrs.frozen
class Optional:
    """None, or a value."""

    item: Sketch


Sketch: TypeAlias = "Unknown | Single | Named | Many | Fixed | Keyed | Optional"

UNKNOWN: Final = Unknown()
_MOST_KEPT: Final = 1000
_ONE_TYPE: Final = 'items of one type (for several write a class with a field for each: @message("ns/name"))'
_codecs: dict[Sketch, JsonCodec] = {}
_LEAF_CLASSES: Final = frozenset(LEAVES)


def sketch(value: Any) -> Sketch:
    """The outline of *value*.

    Raises:
        Mismatch: it holds something that can't be stored, or items that no type has in common.
    """
    cls = value.__class__
    if cls in _LEAF_CLASSES:
        return Single(cls)
    if value is None:
        return Optional(UNKNOWN)
    if isinstance(value, Address):
        return Single(Address)
    if cls is list or cls is set or cls is frozenset:
        return Many(cls, _common(value))
    if cls is dict:
        return Keyed(_common_key(value), _common_value(value))
    if cls is tuple:
        return Fixed(tuple(_at(f"[{index}]", item) for index, item in enumerate(value)))
    if is_attrs_class(cls):
        return Named(frozenset((cls,))) if message_name(cls) else Single(cls)
    if is_protobuf_class(cls) or is_storable_enum(cls):
        return Single(cls)
    advice = message_advice(cls)
    raise Mismatch("a value that can be stored", kind(value) if advice is None else f"{kind(value)} ({advice})")


def codec_of(outline: Sketch) -> JsonCodec:
    """The codec of values with the sketch *outline*.

    Raises:
        UnstorableTypeError: values of a class in it can't be stored.
    """
    codec = _codecs.get(outline)
    if codec is None:
        compiler = Compiler()
        shape = _shape(outline, compiler)
        codec = JsonCodec(shape, JSON_TYPENAME, verify=compiler.verify, recursive=compiler.recursive, immutable=False)
        if len(_codecs) >= _MOST_KEPT:
            _codecs.clear()
        _codecs[outline] = codec
    return codec


def _at(step: str, value: Any) -> Sketch:
    try:
        return sketch(value)
    except Mismatch as mismatch:
        mismatch.under(step)
        raise


def _common(items: Iterable[Any]) -> Sketch:
    kinds = set(map(type, items))
    if len(kinds) == 1 and kinds <= _LEAF_CLASSES:
        return Single(kinds.pop())
    common: Sketch = UNKNOWN
    for index, item in enumerate(items):
        step = "[...]" if isinstance(items, (set, frozenset)) else f"[{index}]"
        common = _joined(common, _at(step, item), item, step)
    return common


def _common_key(items: dict[Any, Any]) -> Sketch:
    try:
        return _common(list(items))
    except Mismatch as mismatch:
        one_type = mismatch.expected == _ONE_TYPE
        raise Mismatch("keys of one type" if one_type else f"keys that are {mismatch.expected}", mismatch.got) from None


def _common_value(items: dict[Any, Any]) -> Sketch:
    kinds = set(map(type, items.values()))
    if len(kinds) == 1 and kinds <= _LEAF_CLASSES:
        return Single(kinds.pop())
    common: Sketch = UNKNOWN
    for key, item in items.items():
        step = member(key) if isinstance(key, str) else f"[{shown(key)}]"
        common = _joined(common, _at(step, item), item, step)
    return common


def _joined(one: Sketch, other: Sketch, value: Any, step: str) -> Sketch:
    common = _join(one, other)
    if common is None:
        raise Mismatch(_ONE_TYPE, f"{kind(value)} after others").under(step)
    return common


def _join(one: Sketch, other: Sketch) -> Sketch | None:
    """The common type of both sketches; None if there is none."""
    if one == other:
        return one
    match one, other:
        case (Unknown(), rest) | (rest, Unknown()):
            return rest
        case (Optional(item), rest) | (rest, Optional(item)):
            inner = _join(item, rest.item if isinstance(rest, Optional) else rest)
            return None if inner is None else Optional(inner)
        case Single(a), Single(b) if {a, b} == {int, float}:
            return Single(float)
        case Named(some), Named(others):
            return Named(some | others)
        case Many(cls, a_item), Many(other_cls, b_item) if cls is other_cls:
            inner = _join(a_item, b_item)
            return None if inner is None else Many(cls, inner)
        case Fixed(some_items), Fixed(other_items) if len(some_items) == len(other_items):
            joined = [_join(a, b) for a, b in zip(some_items, other_items, strict=True)]
            known = [each for each in joined if each is not None]
            return Fixed(tuple(known)) if len(known) == len(joined) else None
        case (Fixed(items_of_one), Fixed() | Many() as rest) | (Many() as rest, Fixed(items_of_one)):
            return _any_length(items_of_one, rest)
        case Keyed(a_key, a_item), Keyed(b_key, b_item):
            key, inner = _join(a_key, b_key), _join(a_item, b_item)
            return None if key is None or inner is None else Keyed(key, inner)
        case _:
            return None


def _any_length(items: tuple[Sketch, ...], rest: Fixed | Many) -> Sketch | None:
    """The common sketch of tuples of different lengths, if all their items have a common type."""
    if isinstance(rest, Many) and rest.cls is not tuple:
        return None
    common: Sketch | None = UNKNOWN
    for item in (*items, *((rest.item,) if isinstance(rest, Many) else rest.items)):
        common = None if common is None else _join(common, item)
    return None if common is None else Many(tuple, common)


def _shape(outline: Sketch, compiler: Compiler) -> Shape:
    match outline:
        case Unknown():
            return LEAVES[str]  # an empty container has no items to convert
        case Single(cls):
            return compiler.shape(cls)
        case Named(classes):
            named = sorted((str(message_name(cls)), cls) for cls in classes)
            return union_shape({cls: (name, compiler.shape(cls)) for name, cls in named})
        case Many(cls, item):
            inner = _shape(item, compiler)
            return list_shape(inner) if cls is list else tuple_shape(inner) if cls is tuple else set_shape(cls, inner)
        case Fixed(items):
            return fixed_tuple_shape([_shape(item, compiler) for item in items])
        case Optional(item):
            return optional_shape(_shape(item, compiler))
        case Keyed(key, item):
            key_shape = _shape(key, compiler)
            cls_of_key = key.cls if isinstance(key, Single) else str if isinstance(key, Unknown) else None
            found = key_of(cls_of_key, key_shape)
            if found is None:
                raise UnstorableTypeError([f"`{key_shape.spelling}` can't be the key of a dict"])
            return dict_shape(found, _shape(item, compiler))
