"""Compiles annotations to shapes.

One :class:`Compiler` compiles one annotation: it reports all problems at once, supports recursive classes, and records
what the codec has to check.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from statefun_actors.interrupts import of_user_code
from statefun_actors.types.advice import advice, shared_default, shared_made, spelled
from statefun_actors.types.attrs_shape import Member, attrs_shape, runs_user_code
from statefun_actors.types.codec import UnresolvedNameError, UnstorableTypeError
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
from statefun_actors.types.hints import hint_of, type_arguments
from statefun_actors.types.immutability import is_immutable, shared_part
from statefun_actors.types.kinds import is_alias, is_attrs_class, is_storable_enum, is_union, unwrapped, without_none
from statefun_actors.types.leaves import LEAVES, STATE_LEAVES, enum_shape, literal_shape
from statefun_actors.types.message_names import is_strict, message_name
from statefun_actors.types.protobuf import is_protobuf_class, protobuf_shape
from statefun_actors.types.scalars import is_int64
from statefun_actors.types.shape import Shape
from statefun_actors.types.sharing import UnsharedIfOf
from statefun_actors.types.supported import KEY_TYPES


class Compiler:
    """Compiles one annotation, with all its parts.

    Afterwards ``verify`` says whether reading a value may run user code, so that values have to be read back to check
    them; ``recursive`` whether values may be nested without limit; ``state_differs`` whether values in state are
    written or read differently from those in messages.

    Args:
        state: compile for values in state; otherwise for values in messages.
    """

    def __init__(self, *, state: bool = False) -> None:
        self.verify = False
        self.recursive = False
        self.state_differs = False
        self._state = state
        self._leaves = STATE_LEAVES if state else LEAVES
        self._compiling: dict[object, Shape] = {}
        self._done: dict[object, Shape] = {}

    def shape(self, annotation: object) -> Shape:
        """The shape of *annotation*.

        Raises:
            UnresolvedNameError: a name in it does not exist yet, and nothing else is wrong.
            UnstorableTypeError: otherwise, with all problems that could be found.
        """
        if is_alias(annotation):
            return self._alias(annotation)
        annotation = unwrapped(annotation)
        try:
            leaf = self._leaves.get(annotation)
        except TypeError:  # unhashable
            raise UnstorableTypeError([advice(annotation)]) from None
        if leaf is not None:
            self.state_differs = self.state_differs or leaf is not LEAVES.get(annotation)
            return leaf
        if is_union(annotation):
            return self._union(annotation)
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is not None:
            return self._generic(annotation, origin, arguments)
        if is_storable_enum(annotation):
            return enum_shape(annotation)
        if is_protobuf_class(annotation):
            return protobuf_shape(annotation)
        if is_attrs_class(annotation):
            return self._attrs(annotation, ())
        raise UnstorableTypeError([advice(annotation)])

    def _alias(self, alias: Any) -> Shape:
        return self._once(alias, spelled(alias), lambda: self.shape(alias.__value__), hashable=False)

    def _generic(self, annotation: object, origin: Any, arguments: tuple[Any, ...]) -> Shape:
        if origin is typing.Literal:
            if all(type(each) is str or type(each) is bool or is_int64(each) for each in arguments):
                return literal_shape(arguments)
            raise UnstorableTypeError(
                [f"`{spelled(annotation)}` can't be stored: write a Literal of str, bool, or int of 64 bits"]
            )
        if origin is list and len(arguments) == 1:
            return list_shape(self.shape(arguments[0]))
        if origin in (set, frozenset) and len(arguments) == 1:
            return set_shape(origin, self._member(arguments[0]))
        if origin is tuple:
            return self._tuple(arguments)
        if origin is dict and len(arguments) == 2:
            return self._dict(*arguments)
        if is_attrs_class(origin):
            return self._attrs(origin, arguments)
        raise UnstorableTypeError([advice(annotation)])

    def _tuple(self, arguments: tuple[Any, ...]) -> Shape:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple_shape(self.shape(arguments[0]))
        return fixed_tuple_shape(self._all([(None, each) for each in arguments]))

    def _member(self, annotation: object) -> Shape:
        shape = self.shape(annotation)
        if not shape.hashable:
            raise UnstorableTypeError(
                [f"`{shape.spelling}` can't be in a set, as it has no hash: write `list[{shape.spelling}]`"]
            )
        return shape

    def _dict(self, key_annotation: object, annotation: object) -> Shape:
        key_shape, shape = self._all([(None, key_annotation), (None, annotation)])
        key = key_of(unwrapped(key_annotation), key_shape)
        if key is None:
            raise UnstorableTypeError(
                [f"`{key_shape.spelling}` can't be the key of a dict: write a key of {KEY_TYPES}"]
            )
        return dict_shape(key, shape)

    def _union(self, annotation: object) -> Shape:
        rest = without_none(annotation)
        if rest is not None:
            return optional_shape(self.shape(rest))
        members: list[Any] = list(map(unwrapped, typing.get_args(annotation)))
        nameless = [each for each in members if not (is_attrs_class(each) and message_name(each))]
        if nameless:
            raise UnstorableTypeError([_union_advice(annotation, nameless)])
        names: dict[str, type] = {}
        for each in members:
            name = typing.cast("str", message_name(each))
            if names.setdefault(name, each) is not each:
                raise UnstorableTypeError(
                    [f"`{spelled(annotation)}` has two classes named {name!r}: give one of them another name"]
                )
        shapes = self._all([(None, each) for each in members])
        return union_shape({cls: (name, shape) for (name, cls), shape in zip(names.items(), shapes, strict=True)})

    def _attrs(self, cls: type, arguments: tuple[Any, ...]) -> Shape:
        spelling = cls.__name__
        if arguments:
            spelling += f"[{', '.join(map(spelled, arguments))}]"
        return self._once(
            (cls, arguments),
            spelling,
            lambda: self._new_attrs(cls, spelling, arguments),
            hashable=cls.__hash__ is not None,
        )

    def _new_attrs(self, cls: type, spelling: str, arguments: tuple[Any, ...]) -> Shape:
        self.verify = self.verify or runs_user_code(cls)
        variables = type_arguments(cls, arguments)
        attributes = attrs.fields(cls)
        hints: list[tuple[str | None, object]] = []
        problems: list[str] = []
        unresolved: list[str] = []
        for each in attributes:
            where = f"{cls.__name__}.{each.name}"
            if each.type is None:
                problems.append(f"{where}: has no annotation; write `{each.name}: <type>`")
                continue
            if not isinstance(each.default, attrs.Factory) and not is_immutable(each.default):  # type: ignore[arg-type]
                problems.append(f"{where}: {shared_default(each.default)}")
            try:
                hints.append((where, hint_of(cls, each, variables)))
            except UnresolvedNameError as error:
                unresolved.extend(f"{where}: {problem}" for problem in error.problems)
        shapes = self._all(hints, problems, unresolved)
        if shared := [*_shared_by_factories(cls, attributes, shapes)]:
            raise UnstorableTypeError(shared)
        name = message_name(cls)
        strict = name is not None and is_strict(cls)
        self.state_differs = self.state_differs or (strict and self._state)
        return attrs_shape(
            cls,
            spelling,
            [Member(each, shape) for each, shape in zip(attributes, shapes, strict=True)],
            strict=name if strict and not self._state else None,
        )

    def _all(
        self,
        parts: list[tuple[str | None, object]],
        problems: list[str] | None = None,
        unresolved: list[str] | None = None,
    ) -> list[Shape]:
        """The shapes of all *parts* (where, annotation). If any fails, the error has the problems of all."""
        problems, unresolved = problems or [], unresolved or []
        shapes: list[Shape] = []
        for where, annotation in parts:
            try:
                shapes.append(self.shape(annotation))
            except UnstorableTypeError as error:
                found = unresolved if isinstance(error, UnresolvedNameError) else problems
                # A class inside this one has given the place already; one is enough, and it is the nearest.
                found.extend(f"{where}: {each}" if where else each for each in error.problems)
        if problems:
            raise UnstorableTypeError(problems)
        if unresolved:
            raise UnresolvedNameError(unresolved)
        return shapes

    def _once(self, key: object, spelling: str, compile_it: Callable[[], Shape], *, hashable: bool) -> Shape:
        """Compile a type that may contain itself: while it is compiled, references to it get a placeholder."""
        if key in self._done:
            return self._done[key]
        if key in self._compiling:
            self.recursive = True
            return self._compiling[key]
        target: list[Shape] = []
        self._compiling[key] = Shape(
            spelling,
            lambda value: target[0].dump(value),  # noqa: PLW0108 - target is still empty
            lambda obj: target[0].load(obj),  # noqa: PLW0108
            unshared=lambda value, others: (unshared := target[0].unshared) is None or unshared(value, others + 1),
            hashable=hashable,
        )
        try:
            shape = compile_it()
        except RecursionError:
            if len(self._compiling) > 1:
                raise  # reported once, by the outermost
            raise UnstorableTypeError(
                [f"`{spelling}` contains ever larger types of itself; write out one of them"]
            ) from None
        finally:
            del self._compiling[key]
        target.append(shape)
        self._done[key] = shape
        return shape


def _shared_by_factories(
    cls: type, attributes: Sequence[attrs.Attribute[Any]], shapes: Sequence[Shape]
) -> Iterator[str]:
    """The problems of factories whose results share something mutable."""
    for each, shape in zip(attributes, shapes, strict=True):
        default: Any = each.default
        if not isinstance(default, attrs.Factory) or default.takes_self:  # type: ignore[arg-type]
            continue
        make: Any = default.factory
        if shape.unshared is None or isinstance(shape.unshared, UnsharedIfOf) or isinstance(make, type):
            continue  # the values are immutable, or new
        try:
            one, other = make(), make()
        except BaseException as error:
            of_user_code(error)  # reported when a value needs the default
            continue
        if (part := shared_part(one, other)) is not None:
            yield f"{cls.__name__}.{each.name}: {shared_made(part)}"


def _union_advice(annotation: object, nameless: list[Any]) -> str:
    names = ", ".join(f"`{spelled(each)}`" for each in nameless)
    return (
        f"`{spelled(annotation)}` can't be read back: its members look alike in JSON; "
        f"members of a union are attrs classes with @message names, which {names} "
        f"{'is' if len(nameless) == 1 else 'are'} not; "
        "write one type, or make each member a class with @message('<namespace>/<name>')"
    )
