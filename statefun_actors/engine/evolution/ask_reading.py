"""Reads the open asks of one function type with changed answer methods, and counts failures and losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from statefun_actors.conversations import OpenAsk
from statefun_actors.definition import AnswerMethod, FunctionType
from statefun_actors.engine.evolution.counted import Damages, UnreadableValues
from statefun_actors.engine.evolution.findings import Loss
from statefun_actors.engine.evolution.shapes import AnswerShape, TypeShape
from statefun_actors.types import FormChanges, Harm

_OTHERS: Final = "types of all kinds"


class AskReading:
    """Reads open asks of *function*, whose shape was *before* and is *now*."""

    def __init__(self, function: FunctionType, before: TypeShape | None, now: TypeShape) -> None:
        self._typename, self._answers = function.typename, function.answers
        self._before = {} if before is None else before.answers
        self._now = now.answers
        self.failures: dict[str, UnreadableValues] = {}
        """Unreadable ``keep=`` values, by answer method."""
        self._gone: Counter[str] = Counter()
        """Asks whose answer method is gone, by its name."""
        self._open: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        """Asks with a ``keep=`` value that their method no longer takes, by its name."""
        self._missing: Counter[str] = Counter()
        """Asks without a ``keep=`` value that their method needs now, by its name."""
        self._damages: dict[tuple[str, str], Damages] = {}

    @property
    def is_needed(self) -> bool:
        """Whether the answer methods have changed."""
        return self._before != self._now

    def read(self, ask: OpenAsk) -> None:
        """Read one open ask."""
        then = ask.then
        method = self._answers.get(then)
        if method is None:
            self._gone[then] += 1
            return
        self._open[then] += 1
        if ask.keep is not None and not method.keeps:
            self._dropped[then] += 1
        elif ask.keep is None and method.keeps and not method.optional:
            self._missing[then] += 1
        elif ask.keep is not None:
            self._read_keep(then, method, ask)

    def _read_keep(self, then: str, method: AnswerMethod, ask: OpenAsk) -> None:
        assert ask.keep is not None
        before, now = self._before.get(then), self._now[then].keep
        old = None if before is None else before.keep
        if old == now:
            return
        try:
            method.read_keep(ask.keep)
        except ValueError as error:
            self.failures.setdefault(then, UnreadableValues(ask.asker, str(error))).count += 1
            return
        if old is None or now is None:
            return
        seen: set[str] = set()
        for damage in FormChanges(old, now).damage(ask.keep.value):
            if damage.harm is Harm.UNREADABLE:
                reason = f"{damage.text} - at `${damage.path}`"
                self.failures.setdefault(then, UnreadableValues(ask.asker, reason)).count += 1
                return
            if damage.text not in seen:
                seen.add(damage.text)
                found = Damages(ask.asker, damage.path)
                self._damages.setdefault((then, damage.text), found).count += 1

    def losses(self) -> Iterator[Loss]:
        """What the answers to the asks would lose."""
        for then, count in sorted(self._gone.items()):
            whose = _whose(count, "whose answer becomes a dead letter", "whose answers become dead letters")
            text = (
                f"no method takes answers as {then!r} any more; it is that of {whose}, unless a failure policy says "
                f"otherwise. If it was renamed, write @answers(name={then!r}) on it."
            )
            yield Loss(self._typename, text)
        for then, count in sorted(self._open.items()):
            if removed := _removed(self._before.get(then), self._now[then]):
                whose = _whose(count, "whose answer can be of that type", "whose answers can be of that type")
                text = (
                    f"{then!r} no longer takes {', '.join(removed)}; it is that of {whose}. Such an answer is refused, "
                    "or becomes a dead letter, unless a failure policy says otherwise. Keep the type while asks are "
                    "open."
                )
                yield Loss(self._typename, text)
        for then, count in sorted(self._dropped.items()):
            whose = _whose(count, "whose value is dropped", "whose values are dropped")
            text = (
                f"{then!r} no longer takes the value of keep=; it is that of {whose}. Keep its second parameter while "
                "asks are open."
            )
            yield Loss(self._typename, text)
        for then, count in sorted(self._missing.items()):
            whose = _whose(count, "which has none", "which have none")
            text = (
                f"{then!r} now needs the value of keep=; it is that of {whose}: its second parameter is None then. "
                "Let its type include None while asks are open."
            )
            yield Loss(self._typename, text)
        for (then, text), damages in self._damages.items():
            whose = _whose(damages.count, f"of {damages.first}", f"of {damages.first} first")
            yield Loss(
                self._typename,
                f"in keep= of {then!r}, {text}; it is that of {whose}, at `${damages.path}`. "
                "Keep its type while asks are open.",
            )


def _removed(before: AnswerShape | None, now: AnswerShape) -> list[str]:
    """The types of answers that *now* lacks. One class can have several typenames, as int has."""
    if before is None or now.any:
        return []
    gone = {name: form for name, form in sorted(before.takes.items()) if name not in now.takes}
    names = dict.fromkeys(form if isinstance(form, str) else name for name, form in gone.items())
    return [*names, *([_OTHERS] if before.any else [])]


def _whose(count: int, one: str, many: str) -> str:
    return f"1 open ask, {one}" if count == 1 else f"{count:,} open asks, {many}"
