"""Positions in topics. Flink keeps them in a savepoint, by the id of the ingress."""

from __future__ import annotations

from collections.abc import Sequence

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


def lost_positions(before: Module, now: Module) -> Sequence[LostPosition]:
    """The topics whose positions are lost if *now* resumes from a savepoint of *before*."""
    readers: dict[str, list[str]] = {}
    for ingress in now.kafka_ingresses:
        for topic in ingress.topics:
            readers.setdefault(topic.topic, []).append(ingress.id)
    return [
        LostPosition(topic.topic, ingress.id, reading)
        for ingress in before.kafka_ingresses
        for topic in ingress.topics
        if (reading := readers.get(topic.topic)) is not None and ingress.id not in reading
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
