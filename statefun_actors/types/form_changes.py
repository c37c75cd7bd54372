"""Compares two forms of one type, and finds the values that lose data or become unreadable.

Most changes are harmless, or are found by reading the value. Two are not: a renamed attribute is read as its default,
and a protobuf field whose number got another type is skipped or misread. These are detected here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

import attrs
import msgspec

from statefun_actors.types import wire
from statefun_actors.types.forms import (
    AliasForm,
    Attribute,
    ChoiceForm,
    DictForm,
    Form,
    ManyForm,
    ObjectForm,
    OptionalForm,
    ProtobufField,
    ProtobufForm,
    SameForm,
    TupleForm,
    UnionForm,
    by_id,
    spelled_field,
    spelled_form,
)
from statefun_actors.types.shape import TYPE_KEY

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
class Change:
    """One difference. ``path`` is its place in the value, ``text`` describes it, ``advice`` says how to resolve it."""

    path: str
    text: str
    advice: str = ""


@attrs.frozen
class Damage:
    """The effect of a change on a part of one value."""

    harm: Harm
    path: str
    text: str


class FormChanges:
    """All differences between the form *old* and the form *new* of one type."""

    def __init__(self, old: Form, new: Form) -> None:
        self._old, self._new = old, new
        self._old_ids, self._new_ids = by_id(old), by_id(new)
        self._compared: set[tuple[int, int]] = set()
        self._hidden = False
        self.all: list[Change] = list(self._differences(old, new, ""))

    def damage(self, data: bytes) -> Iterator[Damage]:
        """The effects of the changes on the value in *data*, except those found by reading it."""
        if not self._hidden:
            return
        old, new = self._resolved(self._old, self._new)
        if isinstance(old, ProtobufForm) and isinstance(new, ProtobufForm):
            yield from self._damage_in_bytes(old, new, data, "")
        elif not isinstance(old, str):
            try:
                obj = msgspec.json.decode(data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                return  # reading it raises an error
            yield from self._damage_in(old, new, obj, "")

    def _resolved(self, old: Form, new: Form) -> tuple[Form, Form]:
        return _target(old, self._old_ids), _target(new, self._new_ids)

    # --- between the forms

    def _differences(self, old: Form, new: Form, path: str) -> Iterator[Change]:
        old, new = self._resolved(old, new)
        pair = (id(old), id(new))
        if not isinstance(old, str):  # forms that contain themselves are compared once
            if pair in self._compared:
                return
            self._compared.add(pair)
        match old, new:
            case ObjectForm(), ObjectForm():
                yield from self._of_objects(old, new, path)
            case ProtobufForm(), ProtobufForm():
                yield from self._of_protobufs(old, new, path)
            case UnionForm(members=olds), UnionForm(members=news):
                for name in sorted(olds.keys() - news.keys()):
                    yield Change(path, f"no longer has {name} in its union", f"Keep {name} in the union")
                for name in sorted(olds.keys() & news.keys()):
                    yield from self._differences(olds[name], news[name], path)
            case ChoiceForm(values=were), ChoiceForm(values=now):
                for value in were:
                    if value not in now:
                        name = f"the value {value!r}"
                        yield Change(path, f"no longer has {name}", f"Keep a member of {name}")
            case OptionalForm(), OptionalForm():
                yield from self._differences(old.of, new.of, path)
            case OptionalForm(), _:
                yield Change(path, "was optional, and is not any more", "Keep `| None`")
                yield from self._differences(old.of, new, path)
            case _, OptionalForm():
                yield from self._differences(old, new.of, path)
            case _:
                yield from self._of_containers(old, new, path)

    def _of_containers(self, old: Form, new: Form, path: str) -> Iterator[Change]:
        match old, new:
            case DictForm(), DictForm():
                yield from self._differences(old.key, new.key, f"{path} (key)")
                yield from self._differences(old.value, new.value, f"{path}[...]")
            case ManyForm(), ManyForm():
                if old.kind != new.kind:
                    yield Change(path, f"was a {old.kind}, is a {new.kind}")
                yield from self._differences(old.item, new.item, f"{path}[...]")
            case TupleForm(), TupleForm() if len(old.items) == len(new.items):
                for number, (one, other) in enumerate(zip(old.items, new.items, strict=True)):
                    yield from self._differences(one, other, f"{path}[{number}]")
            case _:
                if spelled_form(old) != spelled_form(new):
                    yield Change(path, f"was {spelled_form(old, 60)}, is {spelled_form(new, 60)}")

    def _of_objects(self, old: ObjectForm, new: ObjectForm, path: str) -> Iterator[Change]:
        before, now = old.attributes, new.attributes
        added = [name for name in now if name not in before]
        for name in added:
            if now[name].required:
                yield Change(f"{path}.{name}", "is new and has no default", f"Give {name!r} a default")
        removed = _removed(before, now)
        self._hidden = self._hidden or bool(removed)
        for name in removed:
            yield Change(
                f"{path}.{name}", f"was removed, while {', '.join(added)} was added", f"Keep the name {name!r}"
            )
        for name, attribute in now.items():
            if name in before:
                yield from self._of_attributes(name, before[name], attribute, path)
        if new.checks and not old.checks:
            yield Change(path, "now has an __attrs_post_init__ or __attrs_pre_init__")

    def _of_attributes(self, name: str, old: Attribute, new: Attribute, path: str) -> Iterator[Change]:
        if new.required and not old.required:
            yield Change(f"{path}.{name}", "no longer has a default", f"Give {name!r} a default")
        if new.checks and new.checks != old.checks:
            yield Change(f"{path}.{name}", f"has another {new.checks}")
        yield from self._differences(old.form, new.form, f"{path}.{name}")

    def _of_protobufs(self, old: ProtobufForm, new: ProtobufForm, path: str) -> Iterator[Change]:
        removed = _removed(old.fields, new.fields)
        self._hidden = self._hidden or bool(removed)
        for number in removed:
            name = old.fields[number].name
            yield Change(
                f"{path}.{name}", f"the field number {number} was removed, while others were added", "Keep its number"
            )
        for number, field in new.fields.items():
            before = old.fields.get(number)
            if before is None:
                continue
            if _kind(before) != _kind(field):
                self._hidden = True
                yield Change(
                    f"{path}.{field.name}",
                    f"the field number {number} was {spelled_field(before)}, is {spelled_field(field)}",
                    "Give the new field a number of its own",
                )
            elif before.message is not None and field.message is not None:
                yield from self._differences(before.message, field.message, f"{path}.{field.name}")

    # --- in a value

    def _damage_in(self, old: Form, new: Form, obj: Any, path: str) -> Iterator[Damage]:
        old, new = self._resolved(old, new)
        match old, new, obj:
            case OptionalForm(), _, _:
                if obj is not None:
                    yield from self._damage_in(old.of, new.of if isinstance(new, OptionalForm) else new, obj, path)
            case _, OptionalForm(), _:
                yield from self._damage_in(old, new.of, obj, path)
            case ObjectForm(), ObjectForm(), dict():
                for name in _removed(old.attributes, new.attributes):
                    if name in obj:
                        yield Damage(Harm.LOST, f"{path}.{name}", _removal_text(name, old.attributes, new.attributes))
                for name in old.attributes.keys() & new.attributes.keys() & obj.keys():
                    inner = old.attributes[name].form, new.attributes[name].form
                    yield from self._damage_in(*inner, obj[name], f"{path}.{name}")
            case UnionForm(), UnionForm(), dict():
                member = obj.get(TYPE_KEY)
                if isinstance(member, str) and member in old.members and member in new.members:
                    yield from self._damage_in(old.members[member], new.members[member], obj, path)
            case ProtobufForm(), ProtobufForm(), str():
                try:
                    data = base64.b64decode(obj, validate=True)
                except binascii.Error:
                    return
                yield from self._damage_in_bytes(old, new, data, path)
            case _:
                yield from self._damage_in_items(old, new, obj, path)

    def _damage_in_items(self, old: Form, new: Form, obj: Any, path: str) -> Iterator[Damage]:
        match old, new, obj:
            case DictForm(), DictForm(), dict():
                for key, value in obj.items():
                    yield from self._damage_in(old.value, new.value, value, f"{path}[{key!r}]")
            case ManyForm(), ManyForm(), list():
                for number, item in enumerate(obj):
                    yield from self._damage_in(old.item, new.item, item, f"{path}[{number}]")
            case TupleForm(), TupleForm(), list():
                for number, (one, other, item) in enumerate(zip(old.items, new.items, obj, strict=False)):
                    yield from self._damage_in(one, other, item, f"{path}[{number}]")
            case _:
                pass

    def _damage_in_bytes(self, old: ProtobufForm, new: ProtobufForm, data: bytes, path: str) -> Iterator[Damage]:
        try:
            fields = wire.fields(data)
        except ValueError:
            return  # reading it raises an error
        removed = _removed(old.fields, new.fields)
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
                    yield from self._damage_in_bytes(inner, inner_now, value, where)


def _target(form: Form, ids: Any) -> Form:
    while isinstance(form, SameForm | AliasForm):
        form = ids[form.id] if isinstance(form, SameForm) else form.of
    return form


def _removed(old: Any, new: Any) -> list[str]:
    """The names in *old* that *new* lacks, if *new* has names that *old* lacks."""
    return [name for name in old if name not in new] if new.keys() - old.keys() else []


def _removal_text(name: str, old: Any, new: Any) -> str:
    added = ", ".join(repr(each) for each in new if each not in old)
    return f"{name!r} was removed, while {added} was added"


def _kind(field: ProtobufField) -> tuple[str, bool]:
    return field.kind, field.repeated


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
