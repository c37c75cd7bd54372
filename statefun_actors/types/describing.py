"""Describes a type: the :class:`Form` of the values that a codec reads."""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final

import attrs
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from statefun_actors.types.codec import Codec
from statefun_actors.types.forms import (
    AliasForm,
    Attribute,
    ChoiceForm,
    DictForm,
    Form,
    FormWithId,
    ManyForm,
    ObjectForm,
    OptionalForm,
    ProtobufField,
    ProtobufForm,
    SameForm,
    TupleForm,
    UnionForm,
)
from statefun_actors.types.hints import hint_of, type_arguments
from statefun_actors.types.kinds import is_alias, is_attrs_class, is_storable_enum, is_union, unwrapped
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.message_names import message_name
from statefun_actors.types.protobuf import is_protobuf_class

_KINDS: Final = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_") and isinstance(number, int)
}


@functools.lru_cache(maxsize=4_096)  # a simulation starts thousands of engines with the same few codecs
def form_of(codec: Codec) -> Form:
    """The form of the values that *codec* reads."""
    return _Describer().form(codec.annotation)


class _Describer:
    """Describes one type. Repeated parts become references, so that recursive types end, and forms stay small."""

    def __init__(self) -> None:
        self._seen: dict[object, FormWithId] = {}
        self._last_id = 0

    def form(self, annotation: Any) -> Form:
        if is_alias(annotation):
            return self._alias(annotation)
        annotation = unwrapped(annotation)
        leaf = LEAVES.get(annotation)
        if leaf is not None:
            return leaf.spelling
        if is_union(annotation):
            return self._union(annotation)
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Literal:
            return ChoiceForm(_sorted(arguments))
        if origin is dict:
            return DictForm(self.form(arguments[0]), self.form(arguments[1]))
        if origin is tuple and not (len(arguments) == 2 and arguments[1] is Ellipsis):
            return TupleForm([self.form(each) for each in arguments])
        if origin in (list, set, frozenset, tuple):
            return ManyForm(origin.__name__, self.form(arguments[0]))
        if is_storable_enum(annotation):
            values = [member.value for member in annotation]
            return ChoiceForm(_sorted(values), checks="_missing_" in _own_names(annotation))
        if is_protobuf_class(annotation):
            return self._protobuf(typing.cast("Descriptor", annotation.DESCRIPTOR))
        return self._object(annotation if origin is None else origin, arguments)

    def _alias(self, alias: Any) -> Form:
        def fill(form: AliasForm) -> None:
            form.of = self.form(alias.__value__)

        form = self._once(alias, lambda: AliasForm(""), fill)
        return form.of if isinstance(form, AliasForm) and not form.id else form

    def _union(self, annotation: Any) -> Form:
        members: list[Any] = [unwrapped(each) for each in typing.get_args(annotation)]
        others = [each for each in members if each is not types.NoneType]
        if len(others) < len(members):
            return OptionalForm(self.form(typing.Union[tuple(others)]))  # noqa: UP007 - a variable number of members
        return UnionForm({str(message_name(each)): self.form(each) for each in sorted(others, key=_name)})

    def _object(self, cls: Any, arguments: tuple[Any, ...]) -> Form:
        if not is_attrs_class(cls):
            return getattr(cls, "__name__", str(cls))

        def fill(form: ObjectForm) -> None:
            variables = type_arguments(cls, arguments)
            for each in sorted(attrs.fields(cls), key=lambda attribute: attribute.name):
                form.attributes[each.name] = Attribute(
                    self.form(hint_of(cls, each, variables)),
                    required=each.init and each.default is attrs.NOTHING,
                    checks=_checks(each),
                )

        runs_code = any(hasattr(cls, f"__attrs_{when}_init__") for when in ("pre", "post"))
        return self._once((cls, arguments), lambda: ObjectForm({}, checks=runs_code), fill)

    def _protobuf(self, descriptor: Descriptor) -> Form:
        def fill(form: ProtobufForm) -> None:
            for each in sorted(descriptor.fields, key=lambda field: field.number):
                inner = each.message_type
                form.fields[str(each.number)] = ProtobufField(
                    each.name, _KINDS[each.type], is_repeated(each), None if inner is None else self._protobuf(inner)
                )

        return self._once(descriptor.full_name, lambda: ProtobufForm({}), fill)

    def _once(self, key: object, make: Callable[[], Any], fill: Callable[[Any], None]) -> Form:
        seen = self._seen.get(key)
        if seen is not None:
            if not seen.id:
                self._last_id += 1
                seen.id = self._last_id
            return SameForm(seen.id)
        self._seen[key] = form = make()
        fill(form)
        return form  # type: ignore[no-any-return]


def _sorted(values: Iterable[Any]) -> list[bool | int | str]:
    return sorted(values, key=lambda value: (type(value).__name__, value))


def _name(cls: Any) -> str:
    return str(message_name(cls))


def _own_names(cls: type[Enum]) -> set[str]:
    return {name for base in cls.__mro__ if base.__module__ != "enum" for name in vars(base)}


def _checks(attribute: attrs.Attribute[Any]) -> str:
    return "; ".join(
        f"{name} {_code(getattr(attribute, name))}"
        for name in ("converter", "validator")
        if getattr(attribute, name) is not None
    )


def _code(function: object) -> str:
    text = repr(function)
    return text if " at 0x" not in text else str(getattr(function, "__qualname__", type(function).__qualname__))


def is_repeated(field: Any) -> bool:
    """Whether *field*, a FieldDescriptor of protobuf, has a list of values."""
    try:
        return bool(field.is_repeated)
    except AttributeError:  # before protobuf 6
        return bool(field.label == FieldDescriptor.LABEL_REPEATED)
