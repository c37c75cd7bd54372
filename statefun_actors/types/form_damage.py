"""Finds the values that a change of a type makes unusable, or whose data it loses, although they can be read.

Most changes are harmless, or are found by reading the value. These are not: a renamed attribute is read as its default,
a protobuf field whose number got another type is skipped or misread, keys of a dict are dropped by a class that lacks
them, and a text is read as whatever is written as text: bytes, a date, a Decimal.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any as Untyped
from typing import Final

import attrs
import msgspec

from statefun_actors.types import wire
from statefun_actors.types.forms import (
    ChoiceForm,
    DictForm,
    Form,
    FormWithId,
    ManyForm,
    ObjectForm,
    OptionalForm,
    ProtobufField,
    ProtobufForm,
    TupleForm,
    UnionForm,
    by_id,
    removed_names,
    resolved,
    spelled_field,
    spelled_form,
)
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.shape import TYPE_KEY

_LEAVES: Final = frozenset(shape.spelling for shape in LEAVES.values())
_KEEP_NAME: Final = "Keep the old name"
_KEEP_TYPE: Final = "Keep the old type, or declare a field of another name and fill it in a handler"

_VARINTS: Final = frozenset({"int32", "int64", "uint32", "uint64", "bool", "enum"})
_GROUPS: Final = (
    _VARINTS,
    frozenset({"sint32", "sint64"}),
    frozenset({"fixed32", "sfixed32"}),
    frozenset({"fixed64", "sfixed64"}),
    frozenset({"string", "bytes"}),
)
_WIDER: Final = frozenset(
    {("int32", "int64"), ("uint32", "uint64"), ("uint32", "int64"), ("enum", "int32"), ("enum", "int64")}
)
_FITS_ALL: Final = 1 << 31
"""A smaller varint is the same number in each type encoded as varint, except bool."""


class Harm(Enum):
    """What a change does to a value."""

    UNREADABLE = "unreadable"
    LOST = "lost"


@attrs.frozen
class Damage:
    """The effect of a change on a part of one value. ``advice`` says how to prevent it."""

    harm: Harm
    path: str
    text: str
    advice: str = _KEEP_NAME


class FormDamage:
    """What becomes of values of the form *old* that are read with the form *new*."""

    def __init__(self, old: Form, new: Form) -> None:
        self._old, self._new = old, new
        self._old_ids, self._new_ids = by_id(old), by_id(new)

    def of(self, data: bytes) -> Iterator[Damage]:
        """The damages to the value in *data*, except those found by reading it."""
        old, new = self._resolved(self._old, self._new)
        if isinstance(old, ProtobufForm) and isinstance(new, ProtobufForm):
            yield from self._in_bytes(old, new, data, "")
            return
        try:
            obj = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return  # it is not JSON, or reading it raises an error
        yield from self._in_value(old, new, obj, "")

    def _resolved(self, old: Form, new: Form) -> tuple[Form, Form]:
        return resolved(old, self._old_ids), resolved(new, self._new_ids)

    def _in_value(self, old: Form, new: Form, obj: Untyped, path: str) -> Iterator[Damage]:
        old, new = self._resolved(old, new)
        match old, new, obj:
            case OptionalForm(), _, _:
                if obj is not None:
                    yield from self._in_value(old.of, new.of if isinstance(new, OptionalForm) else new, obj, path)
            case _, OptionalForm(), _:
                yield from self._in_value(old, new.of, obj, path)
            case ProtobufForm(), ProtobufForm(), str():
                try:
                    data = base64.b64decode(obj, validate=True)
                except binascii.Error:
                    return
                yield from self._in_bytes(old, new, data, path)
            case _, _, dict():
                yield from self._in_members(old, new, obj, path)
            case ManyForm() | TupleForm(), ManyForm() | TupleForm(), list():
                olds, news = _items(old, len(obj)), _items(new, len(obj))
                for number, (one, other, item) in enumerate(zip(olds, news, obj, strict=False)):
                    yield from self._in_value(one, other, item, f"{path}[{number}]")
            case _:
                yield from _in_leaf(_leaf(old, obj), _leaf(new, obj), obj, path)

    def _in_members(self, old: Form, new: Form, obj: dict[str, Untyped], path: str) -> Iterator[Damage]:
        if isinstance(old, UnionForm) and isinstance(new, ObjectForm):
            text = f"a member of {' | '.join(old.members)} is read as {spelled_form(new, 60)}, whichever it is"
            yield Damage(Harm.LOST, path, text, "Keep the union")
        old, new = _member(old, obj, self._old_ids), _member(new, obj, self._new_ids)
        match old, new:
            case ObjectForm(), ObjectForm():
                for name in removed_names(old.attributes, new.attributes):
                    if name in obj:
                        text = _removal_text(name, old.attributes, new.attributes)
                        yield Damage(Harm.LOST, f"{path}.{name}", text)
            case DictForm(), ObjectForm():
                text = f"keys of a {spelled_form(old, 60)} that {spelled_form(new, 60)} lacks are dropped"
                for name in obj:
                    if name not in new.attributes and name != TYPE_KEY:
                        yield Damage(Harm.LOST, f"{path}[{name!r}]", text, _KEEP_TYPE)
            case ObjectForm() | DictForm(), DictForm():
                before = old.key if isinstance(old, DictForm) else "str"
                for name in obj:
                    yield from _in_leaf(_leaf_of_key(before), _leaf_of_key(new.key), name, f"{path} (key)")
            case _:
                return
        for name, value in obj.items():
            one, other = _part(old, name), _part(new, name)
            if one is not None and other is not None:
                place = f"{path}[{name!r}]" if isinstance(new, DictForm) else f"{path}.{name}"
                yield from self._in_value(one, other, value, place)

    def _in_bytes(self, old: ProtobufForm, new: ProtobufForm, data: bytes, path: str) -> Iterator[Damage]:
        try:
            fields = wire.fields(data)
        except ValueError:
            return  # reading it raises an error
        removed = removed_names(old.fields, new.fields)
        for number, _, value in fields:
            before, now = old.fields.get(str(number)), new.fields.get(str(number))
            if before is None:
                continue
            where = f"{path}.{before.name}"
            if now is None:
                if str(number) in removed:
                    yield Damage(Harm.LOST, where, f"the field number {number} was removed, while others were added")
            elif not _fits(before, now, value):
                text = f"the field number {number} was {spelled_field(before)}, is {spelled_field(now)}"
                yield Damage(Harm.UNREADABLE, where, text)
            elif before.message is not None and now.message is not None and isinstance(value, bytes):
                inner, inner_now = self._resolved(before.message, now.message)
                if isinstance(inner, ProtobufForm) and isinstance(inner_now, ProtobufForm):
                    yield from self._in_bytes(inner, inner_now, value, where)


def _items(form: ManyForm | TupleForm, count: int) -> Sequence[Form]:
    return form.items if isinstance(form, TupleForm) else [form.item] * count


def _member(form: Form, obj: Mapping[str, Untyped], ids: Mapping[int, FormWithId]) -> Form:
    """*form*, or that of the member that *obj* is if *form* is a union."""
    name = obj.get(TYPE_KEY)
    if not isinstance(form, UnionForm) or not isinstance(name, str) or name not in form.members:
        return form
    return resolved(form.members[name], ids)


def _part(form: Form, name: str) -> Form | None:
    """The form of the value of *name* in a value of *form*."""
    if isinstance(form, DictForm):
        return form.value
    attribute = form.attributes.get(name) if isinstance(form, ObjectForm) else None
    return None if attribute is None else attribute.form


def _leaf(form: Form, obj: object) -> str | None:
    """The name of the type without parts that *form* reads *obj* as. None: *form* is none that is known."""
    match form:
        case ChoiceForm():
            return type(obj).__name__
        case ProtobufForm():
            return "protobuf"
        case str() if form in _LEAVES:
            return form
        case _:
            return None


def _leaf_of_key(form: Form) -> str | None:
    if isinstance(form, ChoiceForm):
        return "str" if all(isinstance(value, str) for value in form.values) else "int"
    return _leaf(form, "")


def _in_leaf(old: str | None, new: str | None, obj: object, path: str) -> Iterator[Damage]:
    if old is None or new is None or old == new:
        return
    if (old, new) != ("int", "float"):
        yield Damage(Harm.LOST, path, f"a value of type {old} is read as {new}, which has another meaning", _KEEP_TYPE)
    elif isinstance(obj, int) and not _is_exact(obj):
        yield Damage(Harm.LOST, path, "an int is read as float, which can't hold all its digits", _KEEP_TYPE)


def _is_exact(number: int) -> bool:
    """Whether a float can hold *number*."""
    try:
        return float(number) == number
    except OverflowError:
        return False


def _removal_text(name: str, old: Mapping[str, object], new: Mapping[str, object]) -> str:
    added = ", ".join(repr(each) for each in new if each not in old)
    return f"{name!r} was removed, while {added} was added"


def _fits(old: ProtobufField, new: ProtobufField, value: int | bytes) -> bool:
    """Whether *value*, written as *old*, has the same meaning read as *new*."""
    if old.repeated and not new.repeated:
        return False
    if old.kind == new.kind:
        return True
    if not any(old.kind in group and new.kind in group for group in _GROUPS):
        return False
    if old.kind not in _VARINTS or (old.kind, new.kind) in _WIDER or isinstance(value, bytes):
        return True
    return value < (2 if new.kind == "bool" else _FITS_ALL)
