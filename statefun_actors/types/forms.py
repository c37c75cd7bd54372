"""The form of a type: plain data that decides whether one version of it can read what another version wrote.

Forms are kept in a store and compared years later. They include, in depth, attributes and their types, which of them
are required, values of enums, members of unions, and fields of protobuf messages. They don't include names of classes
and modules, the order of attributes, and default values, since reading does not depend on these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec


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
    """The values of an enum or a Literal, sorted. ``checks``: the enum has a ``_missing_`` for other values."""

    values: list[bool | int | str]
    checks: bool = False


class Attribute(_Node):
    form: Form
    required: bool = False
    """Whether reading fails if it is missing."""
    checks: str = ""
    """The converter and the validator that run when a value is read."""


class ObjectForm(_Node, tag="object"):
    """An attrs class. ``id`` is more than 0 if a :class:`SameForm` refers to it."""

    attributes: dict[str, Attribute]
    checks: bool = False
    """Whether it has a ``__attrs_post_init__`` or ``__attrs_pre_init__``."""
    id: int = 0


class UnionForm(_Node, tag="union"):
    """The form of each member, by its ``@message`` name."""

    members: dict[str, Form]


class AliasForm(_Node, tag="alias"):
    """A type alias that contains itself."""

    of: Form
    id: int = 0


class ProtobufField(_Node):
    name: str
    kind: str
    """``int64``, ``string``, ``message`` and so on."""
    repeated: bool = False
    message: Form | None = None


class ProtobufForm(_Node, tag="protobuf"):
    """The fields, by their numbers."""

    fields: dict[str, ProtobufField]
    id: int = 0


class SameForm(_Node, tag="same"):
    """A reference to the form with that ``id``."""

    id: int


Form: TypeAlias = (
    str | ManyForm | TupleForm | DictForm | OptionalForm | ChoiceForm | ObjectForm | UnionForm | AliasForm
    | ProtobufForm | SameForm
)  # fmt: skip
"""A str is the name of a type without parts, such as ``int``."""

FormWithId: TypeAlias = ObjectForm | AliasForm | ProtobufForm


def by_id(form: Form) -> dict[int, FormWithId]:
    """The forms inside *form* that have an id, by it."""
    found: dict[int, FormWithId] = {}
    waiting: list[Form] = [form]
    while waiting:
        each = waiting.pop()
        if isinstance(each, ObjectForm | AliasForm | ProtobufForm) and each.id:
            found[each.id] = each
        waiting += parts(each)
    return found


def resolved(form: Form, ids: Mapping[int, FormWithId]) -> Form:
    """*form*, or what it stands for if it is an alias or a reference. *ids*: :func:`by_id` of the whole."""
    while isinstance(form, SameForm | AliasForm):
        form = ids[form.id] if isinstance(form, SameForm) else form.of
    return form


def removed_names(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """The names in *old* that *new* lacks, if *new* has names that *old* lacks."""
    return [name for name in old if name not in new] if new.keys() - old.keys() else []


def parts(form: Form) -> list[Form]:
    """The direct parts of *form*."""
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
    """*form* as text for people, cut at *most* characters: ``dict[date, {beats: int, note?: str}]``."""
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
    """The type of a field as text: ``repeated string``."""
    kind = field.kind if field.message is None else _spelled(field.message).removeprefix("protobuf ")
    return f"{'repeated ' if field.repeated else ''}{kind}"
