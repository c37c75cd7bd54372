"""Positions in topics. Flink keeps them in a savepoint, by the id of the ingress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import attrs

from statefun_actors.deploy.components import Module


@attrs.frozen
class LostPosition:
    """A topic that another ingress reads now: Flink would read it from the start and process its records twice."""

    topic: str
    before: str
    now: Sequence[str]

    def __str__(self) -> str:
        return (
            f"topic {self.topic} was read by the ingress {self.before} and is read by {', '.join(self.now)} now, "
            f"which has no position in it: its records would be processed twice. Name the ingress {self.before} in a "
            "--module FILE."
        )


TopicIds: TypeAlias = Mapping[str, Mapping[str, str | None]]
"""The ids of topics, by the ingress that reads them. None: there is no such topic; unknown ids are missing."""


@attrs.frozen
class RecreatedTopic:
    """A topic that was deleted since; ``now`` is the id of the one that has its name, None without one."""

    topic: str
    ingress: str
    before: str
    now: str | None

    def __str__(self) -> str:
        what = (
            f"was deleted since (its id was {self.before})"
            if self.now is None
            else f"was deleted and made anew since (its id was {self.before} and is {self.now})"
        )
        return (
            f"topic {self.topic}, which the ingress {self.ingress} reads, {what}: its positions belong to records that "
            "are gone, and the first records of the new topic would be skipped."
        )


def recreated_topics(before: TopicIds, now: TopicIds, module: Module) -> Sequence[RecreatedTopic]:
    """The topics that *module* reads with positions that are those of another topic of the same name."""
    found = []
    for ingress in module.kafka_ingresses:
        ids_before, ids = before.get(ingress.id, {}), now.get(ingress.id, {})
        for topic in ingress.topics:
            id, is_now = ids_before.get(topic.topic), ids.get(topic.topic)
            if id is not None and topic.topic in ids and is_now != id:
                found.append(RecreatedTopic(topic.topic, ingress.id, id, is_now))
    return found


def gone_topics(before: TopicIds, now: TopicIds) -> AbstractSet[str]:
    """The topics that are gone, with their positions, even if new ones have their names."""
    current = {topic: id for ids in now.values() for topic, id in ids.items()}
    return {
        topic
        for ids in before.values()
        for topic, id in ids.items()
        if id is not None and topic in current and current[topic] != id
    }


def lost_positions(before: Module, now: Module, gone: AbstractSet[str] = frozenset()) -> Sequence[LostPosition]:
    """The topics whose positions are lost if *now* resumes from a savepoint of *before*; *gone* ones do not count."""
    readers: dict[str, list[str]] = {}
    for ingress in now.kafka_ingresses:
        for topic in ingress.topics:
            readers.setdefault(topic.topic, []).append(ingress.id)
    return [
        LostPosition(topic.topic, ingress.id, reading)
        for ingress in before.kafka_ingresses
        for topic in ingress.topics
        if topic.topic not in gone and (reading := readers.get(topic.topic)) is not None and ingress.id not in reading
    ]


@attrs.frozen
class DroppedTopic:
    """A topic that nothing reads any more: the state loses its position."""

    topic: str
    before: str

    def __str__(self) -> str:
        return (
            f"topic {self.topic} was read by the ingress {self.before} and is read by nothing now, so its position is "
            "dropped: a later run that reads it begins at its first record."
        )


def dropped_topics(before: Module, now: Module) -> Sequence[DroppedTopic]:
    """The topics that *before* read and *now* does not."""
    read = {topic.topic for ingress in now.kafka_ingresses for topic in ingress.topics}
    return [
        DroppedTopic(topic.topic, ingress.id)
        for ingress in before.kafka_ingresses
        for topic in ingress.topics
        if topic.topic not in read
    ]
