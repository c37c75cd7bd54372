"""The notes of an exactly-once egress in Kafka: which of its records are written.

Each transaction commits a note for each topic that it writes: the offset of partition 0 in the consumer group of the
egress, with metadata.

- The offset is the seq after ``through``: all records up to that one are written, whatever their topics.
- The metadata is the lineage of the store. While records of another topic wait, since that topic is missing,
  ``through`` stays before the first of them. Then the metadata also has ``of_topic``: all records of this topic up to
  that seq are written.

A record is written if its seq is at most ``through`` of any note, or ``of_topic`` of the note of its topic.

Versions before ``of_topic`` ignore it: it is one more item of the last start of the lineage. They leave out no record,
and write those between ``through`` and ``of_topic`` again that the store does not know to be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

import attrs
import msgspec
from confluent_kafka import TopicPartition

from statefun_actors.engine import Lineage

_Starts: TypeAlias = list[list[str | int]]
_STARTS: Final = msgspec.json.Decoder(_Starts)
_ITEMS: Final = 2
"""The items of a start of a lineage."""


@attrs.frozen
class Note:
    """The note of *topic*; ``of_topic`` is not less than ``through``."""

    topic: str
    through: int
    of_topic: int
    lineage: Lineage

    @classmethod
    def read(cls, place: TopicPartition) -> Note:
        """The note that is committed at *place*."""
        through = place.offset - 1
        return cls(place.topic, through, max(through, _of_topic(place.metadata)), Lineage.read(place.metadata))


def note_place(topic: str, through: int, of_topic: int, lineage: str) -> TopicPartition:
    """The place of a note, with the note, where *lineage* is the form that receivers note."""
    metadata = lineage
    if of_topic > through:
        *before, start = _STARTS.decode(lineage)
        metadata = msgspec.json.encode([*before, [*start, of_topic]]).decode()
    return TopicPartition(topic, 0, through + 1, metadata)


def _of_topic(metadata: str | None) -> int:
    """What *metadata* says; -1: nothing."""
    try:
        *_, start = _STARTS.decode(metadata or "[]")
    except (msgspec.MsgspecError, ValueError):  # another program has written it, or an earlier version without lineage
        return -1
    match start[_ITEMS:]:
        case [*_, int(last)]:
            return last
        case _:
            return -1


class Written:
    """Which records of a store with *lineage* are written, as *notes* say."""

    def __init__(self, notes: Iterable[Note], lineage: Lineage) -> None:
        known = [(note, lineage.shared_with(note.through, note.lineage)) for note in notes]
        self.through: int = max((shared or 0 for _, shared in known), default=-1)
        """All records up to this seq are written; -1: unknown."""
        by_topic = {note.topic: (note.of_topic, lineage.shared_with(note.of_topic, note.lineage)) for note, _ in known}
        self._of_topic: Mapping[str, int] = {
            topic: shared for topic, (_, shared) in by_topic.items() if shared is not None and shared > self.through
        }
        beyond = [seq for seq, shared in by_topic.values() if shared is not None and self.through <= shared < seq]
        self.foreign: int = max(beyond, default=0)
        """The greatest seq of a record that is written, but not known to this store; 0: there is none."""

    def has(self, seq: int, topic: str) -> bool:
        """Whether the record *seq*, for *topic*, is written."""
        return seq <= max(self.through, self._of_topic.get(topic, -1))
