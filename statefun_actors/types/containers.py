"""Shapes of lists, dicts, tuples, sets, optionals and unions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

import msgspec

from statefun_actors.types.dict_keys import Key
from statefun_actors.types.mismatch import Mismatch, member, shown
from statefun_actors.types.shape import TYPE_KEY, Shape, wrong_type
from statefun_actors.types.sharing import (
    never_unshared,
    unshared_as_member,
    unshared_if_any,
    unshared_if_ordered,
    unshared_with_each,
    unshared_with_items,
    unshared_with_values,
)
from statefun_actors.types.surrogates import lone_surrogate

to_bytes: Final[Callable[[Any], bytes]] = msgspec.json.Encoder().encode
"""Encode dumped values as JSON; members keep their order."""


def list_shape(item: Shape) -> Shape:
    """``list[X]``: an array."""
    spelling = f"list[{item.spelling}]"
    dump_items, load_items = item.dump_many, item.load_many

    def dump(value: Any) -> Any:
        if value.__class__ is not list:
            raise wrong_type(spelling, value)
        return dump_items(value)

    def load(obj: Any) -> Any:
        if obj.__class__ is not list:
            raise wrong_type(spelling, obj)
        items = load_items(obj)
        return items if items is not obj else obj.copy()

    return Shape(spelling, dump, load, unshared=unshared_with_items(item.unshared))


def tuple_shape(item: Shape) -> Shape:
    """``tuple[X, ...]``: an array."""
    spelling = f"tuple[{item.spelling}, ...]"
    dump_items, load_items = item.dump_many, item.load_many

    def dump(value: Any) -> Any:
        if value.__class__ is not tuple:
            raise wrong_type(spelling, value)
        return dump_items(value)

    def load(obj: Any) -> Any:
        if obj.__class__ is not list:
            raise wrong_type(spelling, obj)
        return tuple(load_items(obj))

    unshared = None if item.unshared is None else unshared_with_items(item.unshared)
    return Shape(spelling, dump, load, hashable=item.hashable, merges=item.merges, unshared=unshared)


def fixed_tuple_shape(items: Sequence[Shape]) -> Shape:
    """``tuple[X, Y]``: an array of exactly that length."""
    spelling = f"tuple[{', '.join(item.spelling for item in items) or '()'}]"
    size = len(items)
    dumps = [item.dump for item in items]
    loads = [item.load for item in items]

    def convert(values: Any, converters: list[Any], cls: Any) -> list[Any]:
        if values.__class__ is not cls:
            raise wrong_type(spelling, values)
        if len(values) != size:
            raise Mismatch(f"`{spelling}`", f"{len(values)} items")
        results: list[Any] = []
        try:
            for converter, value in zip(converters, values, strict=True):
                results.append(converter(value))
        except Mismatch as mismatch:
            mismatch.under(len(results))
            raise
        return results

    def dump(value: Any) -> Any:
        return convert(value, dumps, tuple)

    def load(obj: Any) -> Any:
        return tuple(convert(obj, loads, list))

    return Shape(
        spelling,
        dump,
        load,
        hashable=all(item.hashable for item in items),
        merges=any(item.merges for item in items),
        unshared=unshared_with_each([item.unshared for item in items]),
    )


def set_shape(cls: Any, item: Shape) -> Shape:
    """``set[X]`` or ``frozenset[X]``: a sorted array."""
    spelling = f"{cls.__name__}[{item.spelling}]"
    dump_one, load_one, load_items = item.dump, item.load, item.load_many
    ordered, merges = item.ordered, item.merges

    def dump(value: Any) -> Any:
        if value.__class__ is not cls:
            raise wrong_type(spelling, value)
        try:
            items = [dump_one(element) for element in value]
        except Mismatch as mismatch:
            mismatch.under("[...]")
            raise
        if ordered:
            items.sort()
            return items
        try:
            written = sorted((to_bytes(element), index) for index, element in enumerate(items))
        except UnicodeEncodeError:
            raise lone_surrogate(items) from None
        for (one, _), (other, index) in itertools.pairwise(written):
            if one == other:
                raise Mismatch(f"`{spelling}` of distinct items", f"two items that are both {shown(items[index])}")
        if merges:
            _check_distinct(spelling, "items", items, load_one)
        return [items[index] for _, index in written]

    def load(obj: Any) -> Any:
        if obj.__class__ is not list:
            raise wrong_type(spelling, obj)
        items = load_items(obj)
        try:
            elements = cls(items)
        except TypeError as error:  # attrs classes may contain unhashable values
            raise Mismatch(f"`{spelling}` of hashable items", str(error)) from None
        if len(elements) != len(items):
            raise Mismatch(f"`{spelling}` of distinct items", "a repeated item")
        return elements

    unshared = unshared_if_ordered(item.unshared) if cls is frozenset else never_unshared
    return Shape(spelling, dump, load, hashable=cls is frozenset, merges=merges, unshared=unshared)


def dict_shape(key: Key, item: Shape) -> Shape:
    """``dict[K, V]``: an object."""
    spelling = f"dict[{key.spelling}, {item.spelling}]"
    dump_key, load_key = key.dump, key.load
    dump_items, load_items = item.dump_many, item.load_many
    plain_keys = frozenset((str,)).issuperset if key.plain and key.spelling == "str" else None

    def dump(value: Any) -> Any:
        if value.__class__ is not dict:
            raise wrong_type(spelling, value)
        if plain_keys and plain_keys(map(type, value)):
            keys: Any = value
        else:
            keys = _keys(value, dump_key)
            if key.merges:
                _check_distinct(spelling, "keys", keys, load_key)
        values = list(value.values())
        try:
            items = dump_items(values)
        except Mismatch as mismatch:
            _under_key(mismatch, keys)
            raise
        if keys is value and items is values:
            return value
        return _object(spelling, keys, items)

    def load(obj: Any) -> Any:
        if obj.__class__ is not dict:
            raise wrong_type(spelling, obj)
        keys: Any = obj if plain_keys and plain_keys(map(type, obj)) else _keys(obj, load_key)
        values = list(obj.values())
        try:
            items = load_items(values)
        except Mismatch as mismatch:
            _under_key(mismatch, obj)
            raise
        return _object(spelling, keys, items)

    return Shape(spelling, dump, load, unshared=unshared_with_values(item.unshared))


def _under_key(mismatch: Mismatch, keys: Collection[str]) -> None:
    """Replace the index in the path by the key: the items were checked as a list."""
    index = mismatch.steps.pop()
    mismatch.under(member(next(key for number, key in enumerate(keys) if number == index)))


def _check_distinct(spelling: str, what: str, dumped: Sequence[Any], load: Callable[[Any], Any]) -> None:
    """Refuse different values that would be equal after they are read back."""
    seen: dict[Any, Any] = {}
    for each in dumped:
        other = seen.setdefault(load(each), each)
        if other is not each:
            raise Mismatch(
                f"`{spelling}` with {what} that differ when they are read back",
                f"{shown(other)} and {shown(each)}, which are equal",
            )


def _keys(keys: Collection[Any], one: Callable[[Any], Any]) -> list[Any]:
    results: list[Any] = []
    for key in keys:
        try:
            results.append(one(key))
        except Mismatch as mismatch:
            mismatch.expected = f"keys that are {mismatch.expected}"
            raise
    return results


def _object(spelling: str, keys: Collection[Any], items: Collection[Any]) -> dict[Any, Any]:
    result = dict(zip(keys, items, strict=True))
    if len(result) != len(keys):
        raise Mismatch(f"`{spelling}` with distinct keys", "a repeated key")
    return result


def optional_shape(inner: Shape) -> Shape:
    """``X | None``: null, or the form of X."""
    inner_dump, inner_load = inner.dump, inner.load

    def dump(value: Any) -> Any:
        return None if value is None else inner_dump(value)

    def load(obj: Any) -> Any:
        return None if obj is None else inner_load(obj)

    passes = f"{{v}} is None or {inner.passes}" if inner.passes else None
    return Shape(
        f"{inner.spelling} | None",
        dump,
        load,
        hashable=inner.hashable,
        merges=inner.merges,
        unshared=unshared_if_any(inner.unshared),
        passes=passes,
    )


def union_shape(members: Mapping[type, tuple[str, Shape]]) -> Shape:
    """A union of named classes: the object of the member, with the typename as its first member.

    *members*: class → typename and shape.
    """
    spelling = " | ".join(shape.spelling for _, shape in members.values())
    dumps = {cls: (name, shape.dump) for cls, (name, shape) in members.items()}
    loads = {name: shape.load for name, shape in members.values()}
    names = ", ".join(loads)

    def dump(value: Any) -> Any:
        name, dump_member = dumps.get(value.__class__, (None, None))
        if dump_member is None:
            raise wrong_type(spelling, value)
        return {TYPE_KEY: name, **dump_member(value)}

    def load(obj: Any) -> Any:
        if obj.__class__ is not dict:
            raise wrong_type(spelling, obj)
        name = obj.get(TYPE_KEY)
        load_member = loads.get(name) if name.__class__ is str else None
        if load_member is None:
            got = "nothing" if TYPE_KEY not in obj else shown(name)
            raise Mismatch(f"one of {names}", got).under(member(TYPE_KEY))
        return load_member(obj)

    return Shape(
        spelling,
        dump,
        load,
        hashable=all(shape.hashable for _, shape in members.values()),
        merges=any(shape.merges for _, shape in members.values()),
        unshared=unshared_as_member({cls: shape.unshared for cls, (_, shape) in members.items()}),
    )
