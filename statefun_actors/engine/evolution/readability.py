"""Reads the stored data of one function type with changed classes, and counts failures and losses."""

from __future__ import annotations

from collections import Counter
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import ANSWER, ATTEMPT, read_answer
from statefun_actors.definition import Field, FunctionType
from statefun_actors.dispatch import value_inside
from statefun_actors.engine.evolution.ask_reading import AskReading
from statefun_actors.engine.evolution.counted import Damages, UnreadableValues, entities_of
from statefun_actors.engine.evolution.findings import Loss, Unreadable
from statefun_actors.engine.evolution.shapes import StateShape, TypeShape, shape_of
from statefun_actors.errors import StateDecodeError
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.store import DamagedStateError, EntityRow, expire, unpack
from statefun_actors.types import Codec, Form, FormChanges, Harm, spelled_form

_LONGEST_REASON: Final = 300


class TypeReading:
    """Reads the data of one function type as *function*. Its shape at the last run was *before*."""

    def __init__(self, function: FunctionType, before: TypeShape | None, now_ms: int) -> None:
        self.function, self._now_ms = function, now_ms
        self._before, self._now = before, shape_of(function)
        states = {} if before is None else before.states
        changed = [field for field in function.persisted if states.get(field.state_name) != self._state(field)]
        self._changes = {
            field.state_name: FormChanges(states[field.state_name].form, self._state(field).form)
            for field in changed
            if field.state_name in states
        }
        self._fields = {field.state_name: field for field in changed}
        new = self._now.states.keys() - states.keys()
        self._replaced = sorted(states.keys() - self._now.states.keys()) if new else []
        self._added = sorted(field.name for field in function.persisted if field.state_name in new)
        self._newly_internal = set() if before is None else set(self._now.internal) - set(before.internal)
        self._failures: dict[str, UnreadableValues] = {}
        self._message_failures: dict[tuple[str, str], UnreadableValues] = {}
        self._damages: dict[tuple[str, str], Damages] = {}
        self._removed: dict[str, Damages] = {}
        self._unhandled: dict[str, Counter[str]] = {}
        self._message_changes: dict[str, FormChanges | None] = {}
        self.asks = AskReading(function, before, self._now)
        """Reads the open asks of the type."""
        self._refused: dict[str, Counter[str]] = {}
        """Messages from outside that only functions may send now, by typename."""

    def _state(self, field: Field) -> StateShape:
        return self._now.states[field.state_name]

    @property
    def reads_entities(self) -> bool:
        """Whether entities of the type must be read: a state has changed."""
        return bool(self._fields or self._replaced)

    @property
    def reads_asks(self) -> bool:
        """Whether open asks of the type must be read: its answer methods have changed."""
        return self._before is not None and self.asks.is_needed

    @property
    def reads_schedules(self) -> bool:
        """Whether recurring messages for the type must be read: its handlers have changed."""
        return self._before is not None and self._before.takes != self._now.takes

    def entity(self, row: EntityRow) -> None:
        """Read one entity."""
        try:
            record = unpack(row.address, row.packed, ())
        except DamagedStateError:  # no class can read it; the batches of its address fail with this error
            return
        expire(record, self.function.states, self._now_ms)
        for name in self._replaced:
            if record.state.get(name) is not None:
                self._removed.setdefault(name, Damages(row.address, "")).count += 1
        for name, field in self._fields.items():
            stored = record.state.get(name)
            if stored is not None:
                self._read_state(row.address, name, field, stored)

    def _read_state(self, address: Address, name: str, field: Field, stored: TypedValue) -> None:
        reason: str | None = None
        changes = self._changes.get(name)
        try:
            field.read("", stored)
        except Exception as error:
            reason = _reason(error, stored)
        else:
            if changes is not None and (field.convert is None or field.reads_itself(stored)):
                reason = self._unusable(address, name, changes, stored)
        if reason is not None:
            self._failures.setdefault(name, UnreadableValues(address, reason)).count += 1

    def _unusable(self, address: Address, name: str, changes: FormChanges, stored: TypedValue) -> str | None:
        """The reason why a decoded value is unusable, or None. Counts what the value would lose."""
        seen: set[str] = set()
        for damage in changes.damage(stored.value):
            if damage.harm is Harm.UNREADABLE:
                return f"{damage.text} - at `${damage.path}`"
            if damage.text not in seen:
                seen.add(damage.text)
                found = Damages(address, damage.path, damage.advice)
                self._damages.setdefault((name, damage.text), found).count += 1
        return None

    def message(self, kind: str, target: Address, value: TypedValue, caller: Address | None) -> None:
        """Read one message from *caller*: *kind* is waiting, delayed, recurring or dead-lettered."""
        function, typename = self.function, value.typename
        if typename == ANSWER:
            self._answer(kind, value)
            return
        if typename == ATTEMPT:
            value = value_inside(value)
            typename = value.typename
        if typename not in function.handlers:
            if function.any_handler is None and kind != "dead-lettered":
                self._unhandled.setdefault(typename, Counter())[kind] += 1
            return
        from_outside = caller is None or caller.typename == INGRESS
        if from_outside and typename in self._newly_internal and kind in {"waiting", "delayed"}:
            self._refused.setdefault(typename, Counter())[kind] += 1
        before = None if self._before is None else self._before.takes.get(typename)
        if before == self._now.takes[typename]:
            return
        try:
            function.handlers[typename][1].decode(value.value, typename)
        except Exception as error:
            reason = str(error)
        else:
            damage = self._message_damage(target, before, value)
            if damage is None:
                return
            reason = damage
        self._message_failures.setdefault((kind, typename), UnreadableValues(target, reason)).count += 1

    def _answer(self, kind: str, value: TypedValue) -> None:
        """Read the envelope of an answer. Its content is decoded only by its answer method."""
        try:
            content = read_answer(value.value)
        except ValueError:
            return
        method = self.function.answers.get(content.then)
        if kind != "dead-lettered" and (method is None or not method.takes(content.value[0])):
            self._unhandled.setdefault(f"{content.value[0]} for {content.then!r}", Counter())[kind] += 1

    def _message_damage(self, target: Address, before: Form | None, value: TypedValue) -> str | None:
        typename = value.typename
        if typename not in self._message_changes:
            changes = None if before is None else FormChanges(before, self._now.takes[typename])
            self._message_changes[typename] = changes
        changes = self._message_changes[typename]
        return None if changes is None else self._unusable(target, f"message {typename}", changes, value)

    # --- findings

    def unreadable(self) -> list[Unreadable]:
        """The states and messages with unreadable values."""
        found = []
        for name, failures in self._failures.items():
            field = self._fields[name]
            old = None if self._before is None else self._before.states.get(name)
            form = None if old is None else old.form
            found.append(self._unreadable(f"state {name!r}", failures, form, field.codec, self._ways(name, field)))
        for (kind, typename), failures in self._message_failures.items():
            old_form = None if self._before is None else self._before.takes.get(typename)
            codec = self.function.handlers[typename][1]
            changes = self._message_changes.get(typename) or FormChanges(old_form or "", self._now.takes[typename])
            ways = (*_advice(changes), "Let the old version handle them first")
            found.append(self._unreadable(f"{kind} messages of type {typename}", failures, old_form, codec, ways))
        for then, failures in self.asks.failures.items():
            keep = self.function.answers[then].keep
            assert keep is not None
            shape = None if self._before is None else self._before.answers.get(then)
            kept = None if shape is None else shape.keep
            ways = ("Keep its type", "Let the old version take the answers first, or cancel the asks")
            found.append(self._unreadable(f"keep= of open asks for {then!r}", failures, kept, keep, ways))
        return found

    def _unreadable(
        self, what: str, failures: UnreadableValues, old: Form | None, codec: Codec, ways: tuple[str, ...]
    ) -> Unreadable:
        new = self._form_now(codec)
        changes = (
            [] if not old else [f"{change.path or 'the type'} {change.text}" for change in FormChanges(old, new).all]
        )
        return Unreadable(
            typename=self.function.typename,
            what=what,
            count=failures.count,
            first=str(failures.first),
            old=spelled_form(old) if old else None,
            new=spelled_form(new),
            changes=changes,
            reason=failures.reason[:_LONGEST_REASON],
            ways=ways,
        )

    def _form_now(self, codec: Codec) -> Form:
        for name, method in self.function.answers.items():
            if method.keep is codec and (form := self._now.answers[name].keep) is not None:
                return form
        for field in self.function.persisted:
            if field.codec is codec:
                return self._now.states[field.state_name].form
        return next(form for name, form in self._now.takes.items() if self.function.handlers[name][1] is codec)

    def _ways(self, name: str, field: Field) -> tuple[str, ...]:
        changes = self._changes.get(name)
        convert = (
            "Correct its convert=" if field.convert is not None else "Read the old type with persisted(..., convert=fn)"
        )
        return (*(() if changes is None else _advice(changes)), convert, "Go back to the old type")

    def losses(self) -> list[Loss]:
        """Data that would silently be left behind or lost."""
        typename = self.function.typename
        found = []
        for name, damages in self._removed.items():
            added = ", ".join(map(repr, self._added))
            text = (
                f"the state {name!r} was removed, while {added} was added; {entities_of(damages)} it. "
                f"If it was renamed, declare persisted(name={name!r}) on the new field."
            )
            found.append(Loss(typename, text))
        for (where, text), damages in self._damages.items():
            what = where if where.startswith("message ") else f"state {where!r}"
            found.append(
                Loss(typename, f"in {what}, {text}; {entities_of(damages)} it, at `${damages.path}`. {damages.advice}.")
            )
        found += self.asks.losses()
        for message, counts in sorted(self._refused.items()):
            text = (
                f"the handler of {message} takes messages from inside only now (internal=True); "
                f"{counts['waiting']:,} waiting and {counts['delayed']:,} delayed messages from outside become dead "
                "letters, unless a failure policy says otherwise. Let the old version handle them first."
            )
            found.append(Loss(typename, text))
        for message, counts in sorted(self._unhandled.items()):
            if recurring := counts.pop("recurring", 0):
                many = "1 recurring message" if recurring == 1 else f"{recurring:,} recurring messages"
                text = f"no handler takes {message} any more; {many} of it would fail at each firing. Keep the handler."
                found.append(Loss(typename, text))
            if not counts:
                continue
            found.append(
                Loss(
                    typename,
                    f"no handler takes {message} any more; {counts['waiting']:,} waiting and {counts['delayed']:,} "
                    "delayed messages become dead letters, unless a failure policy says otherwise. Keep the handler, "
                    "or put it back and retry them.",
                )
            )
        return found


def _advice(changes: FormChanges) -> tuple[str, ...]:
    return tuple(dict.fromkeys(change.advice for change in changes.all if change.advice))[:2]


def _reason(error: Exception, stored: TypedValue) -> str:
    if isinstance(error, StateDecodeError):
        return error.reason or f"it is stored as {stored.typename!r}"
    return f"{type(error).__name__}: {error}"
