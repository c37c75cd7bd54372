"""The form of a type: all that decides whether a version of it can read what another version wrote.

A form is plain data, so that it can be kept in a store and compared years later. It goes in depth: attributes and their
types, which of them are required, values of enums, members of unions, fields of protobuf messages. Names of classes and
modules, the order of attributes and default values are not part of it, since reading does not depend on them.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, TypeAlias

import attrs
import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from statefun_actors.types.codec import Codec
from statefun_actors.types.hints import hint_of, type_arguments
from statefun_actors.types.kinds import bare, is_alias, is_attrs_class, is_storable_enum, is_union
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.names import message_name
from statefun_actors.types.protobuf import is_protobuf_class


class _Node(msgspec.Struct, omit_defaults=True):
    pass


class ManyForm(_Node, tag="many"):
    """``list``, ``set``, ``frozenset`` or a ``tuple`` of any length."""

    kind: str
    item: Form


class TupleForm(_Node, tag="tuple"):
    items: list[Form]


class DictForm(_Node, tag="dict"):
    key: Form
    value: Form


class OptionalForm(_Node, tag="optional"):
    of: Form


class ChoiceForm(_Node, tag="choice"):
    """The values of an enum, or of a Literal, sorted. ``checks``: the enum has code of its own for other values."""

    values: list[bool | int | str]
    checks: bool = False


class Attribute(_Node):
    form: Form
    required: bool = False
    """Whether reading fails where it is missing."""
    checks: str = ""
    """The converter and the validator that a value goes through when it is read."""


class ObjectForm(_Node, tag="object"):
    """An attrs class. ``id`` is more than 0 where a :class:`SameForm` refers to it."""

    attributes: dict[str, Attribute]
    checks: bool = False
    """Whether it has a ``__attrs_post_init__`` or ``__attrs_pre_init__``."""
    id: int = 0


class UnionForm(_Node, tag="union"):
    """By the ``@message`` name of each member."""

    members: dict[str, Form]


class AliasForm(_Node, tag="alias"):
    """A type alias that holds itself."""

    of: Form
    id: int = 0


class ProtobufField(_Node):
    name: str
    kind: str
    """``int64``, ``string``, ``message`` and so on."""
    repeated: bool = False
    message: Form | None = None


class ProtobufForm(_Node, tag="protobuf"):
    """By the number of each field."""

    fields: dict[str, ProtobufField]
    id: int = 0


class SameForm(_Node, tag="same"):
    """The form with that ``id``, once more."""

    id: int


Form: TypeAlias = (
    str | ManyForm | TupleForm | DictForm | OptionalForm | ChoiceForm | ObjectForm | UnionForm | AliasForm
    | ProtobufForm | SameForm
)  # fmt: skip
"""Text is the name of a type without parts, such as ``int``."""

_HasId: TypeAlias = ObjectForm | AliasForm | ProtobufForm

_KINDS: Final = {
    number: name.removeprefix("TYPE_").lower()
    for name, number in vars(FieldDescriptor).items()
    if name.startswith("TYPE_") and isinstance(number, int)
}


def form_of(codec: Codec) -> Form:
    """The form of the values that *codec* reads."""
    return _Describer().form(codec.annotation)


class _Describer:
    """Describes one type. What is met again is referred to, so that types may hold themselves, and stay small."""

    def __init__(self) -> None:
        self._seen: dict[object, _HasId] = {}
        self._last_id = 0

    def form(self, annotation: Any) -> Form:
        if is_alias(annotation):
            return self._alias(annotation)
        annotation = bare(annotation)
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
        members: list[Any] = [bare(each) for each in typing.get_args(annotation)]
        others = [each for each in members if each is not types.NoneType]
        if len(others) < len(members):
            return OptionalForm(self.form(typing.Union[tuple(others)]))  # noqa: UP007 - as many as there are
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
                    each.name, _KINDS[each.type], _is_repeated(each), None if inner is None else self._protobuf(inner)
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


def _is_repeated(field: Any) -> bool:
    try:
        return bool(field.is_repeated)
    except AttributeError:  # before protobuf 6
        return bool(field.label == FieldDescriptor.LABEL_REPEATED)


def by_id(form: Form) -> dict[int, _HasId]:
    """The forms inside *form* that others refer to."""
    found: dict[int, _HasId] = {}
    waiting: list[Form] = [form]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ObjectForm | AliasForm | ProtobufForm) and each.id:
            found[each.id] = each
        waiting += parts(each)
    return found


def parts(form: Form) -> list[Form]:
    """What *form* consists of, one level down."""
    match form:
        case ManyForm(item=item):
            return [item]
        case TupleForm(items=items):
            return list(items)
        case DictForm(key=key, value=value):
            return [key, value]
        case OptionalForm(of=of) | AliasForm(of=of):
            return [of]
        case ObjectForm(attributes=attributes):
            return [each.form for each in attributes.values()]
        case UnionForm(members=members):
            return list(members.values())
        case ProtobufForm(fields=fields):
            return [each.message for each in fields.values() if each.message is not None]
        case _:
            return []


def spelled_form(form: Form, most: int = 160) -> str:
    """*form* as people read it, cut at *most* characters: ``dict[date, {beats: int, note?: str}]``."""
    text = _spelled(form)
    return text if len(text) <= most else f"{text[:most]}…"


def _spelled(form: Form) -> str:
    match form:
        case str():
            return form
        case ManyForm(kind=kind, item=item):
            return f"{kind}[{_spelled(item)}{', ...' if kind == 'tuple' else ''}]"
        case TupleForm(items=items):
            return f"tuple[{', '.join(map(_spelled, items)) or '()'}]"
        case DictForm(key=key, value=value):
            return f"dict[{_spelled(key)}, {_spelled(value)}]"
        case OptionalForm(of=of):
            return f"{_spelled(of)} | None"
        case ChoiceForm(values=values):
            return f"Literal[{', '.join(map(repr, values))}]"
        case ObjectForm(attributes=attributes):
            inner = (f"{name}{'' if a.required else '?'}: {_spelled(a.form)}" for name, a in attributes.items())
            return f"{{{', '.join(inner)}}}"
        case UnionForm(members=members):
            return " | ".join(f"{name} {_spelled(each)}" for name, each in members.items())
        case AliasForm(of=of):
            return _spelled(of)
        case ProtobufForm(fields=fields):
            inner = (f"{number} {each.name}: {spelled_field(each)}" for number, each in fields.items())
            return f"protobuf {{{', '.join(inner)}}}"
        case SameForm():
            return "{…}"


def spelled_field(field: ProtobufField) -> str:
    """The type of a field: ``repeated string``."""
    kind = field.kind if field.message is None else _spelled(field.message).removeprefix("protobuf ")
    return f"{'repeated ' if field.repeated else ''}{kind}"
