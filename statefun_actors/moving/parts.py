"""``Part``: a restore of one entity, small enough for a record in Kafka."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from msgspec import Struct

from statefun_actors.asking import DelayedMessage, Restore, WaitingMessage, restore

_PART_ITEMS: Final = 500
_PART_BYTES: Final = 400_000
"""The maximum of a restore's messages, unless a single one is larger. Brokers take a million bytes by default."""

_Item = TypeVar("_Item", DelayedMessage, WaitingMessage)


class Part(Struct, frozen=True):
    """A restore. *digest*: of its content as it is stored, so that it is the same each time a move is repeated."""

    content: Restore
    digest: str


def states_part(content: Restore, stored: bytes) -> Part:
    """The states of an entity, which are *stored* in these bytes."""
    return Part(content, hashlib.sha256(stored).hexdigest())


def delayed_parts(delayed: Sequence[DelayedMessage], due: Callable[[int], int]) -> Iterator[Part]:
    """*delayed* in their order. *due*: the time at which one comes due in the job, of the time that is stored."""
    for items in _parts(delayed, _PART_ITEMS):
        held = [DelayedMessage(due(each.due_ms), each.target, each.value, each.token) for each in items]
        yield Part(Restore(delayed=held), _digest(Restore(delayed=items)))


def waiting_parts(waiting: Sequence[WaitingMessage]) -> Iterator[Part]:
    """*waiting* in their order, one each: a call of the endpoint is no longer than one of its handlers."""
    for items in _parts(waiting, 1):
        content = Restore(waiting=items)
        yield Part(content, _digest(content))


def _digest(content: Restore) -> str:
    return hashlib.sha256(restore(content).value).hexdigest()


def _parts(items: Sequence[_Item], most: int) -> Iterator[list[_Item]]:
    """*items* in their order, in parts of at most *most* and _PART_BYTES."""
    part: list[_Item] = []
    size = 0
    for item in items:
        more = _size(item)
        if part and (len(part) == most or size + more > _PART_BYTES):
            yield part
            part, size = [], 0
        part.append(item)
        size += more
    if part:
        yield part


def _size(item: DelayedMessage | WaitingMessage) -> int:
    """About the bytes of *item* in a restore."""
    texts = [item.value[0]]
    if isinstance(item, DelayedMessage):
        texts += [*item.target, item.token or ""]
    else:
        texts += item.caller or ()
    return len(item.value[1]) + sum(len(text.encode()) for text in texts) + 32
