"""Errors of single records: which are permanent, and their reasons for users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from confluent_kafka import KafkaError

_UNSENDABLE: Final = KafkaError._INVALID_ARG  # noqa: SLF001 - its Python name
_PERMANENT: Final = frozenset({
    KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_RECORD,
    KafkaError.TOPIC_EXCEPTION, _UNSENDABLE,
})  # fmt: skip
_NO_TOPIC: Final = frozenset({
    KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - the same
})  # fmt: skip
_MOST_NAMED: Final = 3
"""Topics that a reason names."""


def unsendable(error: Exception) -> KafkaError:
    """The error of a record that the client can't pass on, since *error*: something in it has no form in C."""
    return KafkaError(_UNSENDABLE, str(error))


def refused_permanently(error: KafkaError) -> bool:
    """Whether no retry of the record helps. Uncertain for a record that was sent with others."""
    return error.code() in _PERMANENT


def no_topic(error: KafkaError) -> bool:
    """Whether the topic of a record does not exist."""
    return error.code() in _NO_TOPIC


def no_permission(error: KafkaError) -> bool:
    """Whether the brokers don't let this program write the topic of a record."""
    return error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def why_no_topic(topic: str) -> str:
    """The reason why a record fails whose *topic* does not exist, for users."""
    return f"there is no topic {topic!r}"


def why_topics_wait(missing: Sequence[str], denied: Sequence[str]) -> str:
    """The reason why the records for topics wait while others are written: those *missing*, and those *denied*.

    There is at least one of them.
    """
    parts = [f"there is no topic {_named(missing)}"] if missing else []
    parts += [f"the brokers deny writes to topic {_named(denied)} (grant WRITE and DESCRIBE)"] if denied else []
    return f"{' and '.join(parts)}, whose records wait; others are written"


def _named(topics: Sequence[str]) -> str:
    named = " or ".join(repr(topic) for topic in topics[:_MOST_NAMED])
    return f"{named} and {len(topics) - _MOST_NAMED:,} more" if len(topics) > _MOST_NAMED else named


def why_failed(topic: str, error: KafkaError) -> str:
    """The reason why a record for *topic* fails, for users."""
    if no_topic(error):
        return why_no_topic(topic)
    return f"topic {topic}: {KafkaError(error.code()).str()}"
