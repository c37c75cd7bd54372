"""Compares two forms of one type: their differences, each with its place and how to resolve it."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from statefun_actors.types.form_damage import Damage, FormDamage
from statefun_actors.types.forms import (
    Attribute,
    ChoiceForm,
    DictForm,
    Form,
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


@attrs.frozen
class Change:
    """One difference. ``path`` is its place in the value, ``text`` describes it, ``advice`` says how to resolve it."""

    path: str
    text: str
    advice: str = ""


class FormChanges:
    """All differences between the form *old* and the form *new* of one type."""

    def __init__(self, old: Form, new: Form) -> None:
        self._old, self._new = old, new
        self._old_ids, self._new_ids = by_id(old), by_id(new)
        self._compared: set[tuple[int, int]] = set()
        self.all: list[Change] = list(self._differences(old, new, ""))

    def damage(self, data: bytes) -> Iterator[Damage]:
        """The effects of the changes on the value in *data*, except those found by reading it."""
        return iter(()) if not self.all else FormDamage(self._old, self._new).of(data)

    def _resolved(self, old: Form, new: Form) -> tuple[Form, Form]:
        return resolved(old, self._old_ids), resolved(new, self._new_ids)

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
        removed = removed_names(before, now)
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
        removed = removed_names(old.fields, new.fields)
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
                yield Change(
                    f"{path}.{field.name}",
                    f"the field number {number} was {spelled_field(before)}, is {spelled_field(field)}",
                    "Give the new field a number of its own",
                )
            elif before.message is not None and field.message is not None:
                yield from self._differences(before.message, field.message, f"{path}.{field.name}")


def _kind(field: ProtobufField) -> tuple[str, bool]:
    return field.kind, field.repeated
