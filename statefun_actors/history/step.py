"""``Step``: what one batch did, by reference, until its epoch is sealed and the step is packed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.history.entries import (
    LARGEST_VALUE,
    Failure,
    Kind,
    Omitted,
    encode,
    packed_effect,
    packed_value,
)
from statefun_actors.model import Cancel, Effect, TypedValue
from statefun_actors.store import DeadLetterEntry, Message

LARGEST_EPOCH: Final = 4 * 1024 * 1024
"""Bytes of one epoch above which its further entries are not recorded."""
_MOST_PARTS: Final = LARGEST_EPOCH // LARGEST_VALUE
"""Messages and effects of one batch above which its bytes are counted before it is packed."""


class Step(Struct, frozen=True, gc=False):
    """One batch of an entity, or one change by an operator.

    It refers to values and to lists of them, which can't form a cycle, so the garbage collector need not track it.

    Args:
        at_ms: when it ended, in milliseconds since 1970.
        seconds: its duration, with all that it awaited.
        marks: for each message, the number of effects of the batch after it has run; empty: 0 for each.
        changes: the states that changed, each with the values before and after; None: absent.
        effects: each with the seq of its message, timer or record; 0 if it has none.
        failures: the last error of each message that failed.
    """

    address: Address
    at_ms: int
    kind: Kind
    seconds: float = 0.0
    messages: Sequence[Message] = ()
    marks: Sequence[int] = ()
    changes: Sequence[tuple[str, TypedValue | None, TypedValue | None]] = ()
    effects: Sequence[tuple[Effect, int]] = ()
    failures: Sequence[Failure] = ()

    @property
    def is_change(self) -> bool:
        """Whether it is a change by an operator."""
        return self.kind >= _FIRST_CHANGE


_FIRST_CHANGE: Final = int(Kind.EDITED)


def dropped_step(
    message: Message, at_ms: int, *, discard: bool, attempts: int = 0, error_type: str = "", error: str = ""
) -> Step:
    """An operator has dropped *message*, which kept failing. Its attempts are unknown if no engine runs."""
    settlement = f"{'discarded' if discard else 'dead letter'}, removed by an operator"
    failure = Failure(0, attempts, error_type, error, settlement)
    return Step(message.target, at_ms, Kind.GIVEN_UP, messages=(message,), failures=(failure,))


def discarded_step(letter: DeadLetterEntry, at_ms: int) -> Step:
    """An operator has discarded the dead letter *letter*."""
    message = letter.message
    failure = Failure(0, letter.attempts, letter.error_type, letter.error, "discarded")
    return Step(message.target, at_ms, Kind.DISCARDED, messages=(message,), failures=(failure,))


def without_large(step: Step) -> Step:
    """*step*, without the bytes of values that are not recorded: else it would keep them in memory until it is packed.

    A large state has new bytes after each batch, and an epoch can have hundreds of these.
    """
    for message in step.messages:
        if len(message.value.value) > LARGEST_VALUE:
            return _without_large(step)
    for effect, _ in step.effects:
        if not isinstance(effect, Cancel) and len(effect.value.value) > LARGEST_VALUE:
            return _without_large(step)
    for _, before, after in step.changes:
        if before is not None and len(before.value) > LARGEST_VALUE:
            return _without_large(step)
        if after is not None and len(after.value) > LARGEST_VALUE:
            return _without_large(step)
    return step


def _without_large(step: Step) -> Step:
    return replace(
        step,
        messages=[replace(message, value=Omitted.of(message.value)) for message in step.messages],
        changes=[
            (name, None if before is None else Omitted.of(before), None if after is None else Omitted.of(after))
            for name, before, after in step.changes
        ],
        effects=[
            (effect if isinstance(effect, Cancel) else replace(effect, value=Omitted.of(effect.value)), seq)
            for effect, seq in step.effects
        ],
    )


def packed_or_none(step: Step) -> bytes | None:
    """*step*, packed; None if it is too large, or can't be packed: that must not make its commit fail."""
    if len(step.messages) + len(step.effects) > _MOST_PARTS:
        sizes = [len(message.value.value) for message in step.messages]
        sizes += [len(effect.value.value) for effect, _ in step.effects if not isinstance(effect, Cancel)]
        if sum(sizes) > LARGEST_EPOCH:
            return None
    try:
        packed = packed_step(step)
    except (ValueError, TypeError, OverflowError):
        return None
    return packed if len(packed) <= LARGEST_EPOCH else None


def packed_step(step: Step) -> bytes:
    """*step*, as an :class:`~.entries.Entry`."""
    address, marks, effects = step.address, step.marks, step.effects
    return encode(
        (
            address[0],
            address[1],
            step.at_ms,
            int(step.kind),  # msgspec encodes members of enums slowly
            int(step.seconds * 1_000_000),
            [*map(_packed_message, step.messages, marks or repeat(0))],
            [*map(_packed_change, step.changes)],
            [packed_effect(effect, seq) for effect, seq in effects] if effects else (),
            step.failures,
        )
    )


def _packed_message(message: Message, mark: int) -> tuple[object, ...]:
    return message.seq, packed_value(message.value), message.caller, mark


def _packed_change(change: tuple[str, TypedValue | None, TypedValue | None]) -> tuple[object, ...]:
    name, before, after = change
    return name, None if before is None else packed_value(before), None if after is None else packed_value(after)
