"""Names of topics."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DIGITS: Final = 8
_PROTOBUF: Final = "type.googleapis.com/"


def for_a_topic(text: str) -> str:
    """*text* with ``-`` in place of what Kafka allows in no topic's name. Different texts may become the same."""
    return _NOT_ALLOWED.sub("-", text)


def as_kafka_compares(topic: str) -> str:
    """The form in which brokers compare names of topics: they refuse one that differs from another in ``.`` and ``_``
    only.
    """
    return topic.replace(".", "_")


def with_digest(name: str, of: str) -> str:
    """*name*, followed by a digest of the text *of*."""
    return f"{name}-{hashlib.sha256(of.encode()).hexdigest()[:_DIGITS]}"


def topic_name(function: str, type: str) -> str:
    """The default topic for messages of *type* to *function*, such as ``bank.account.Deposit``."""
    return for_a_topic(f"{function.replace('/', '.')}.{re.split(r'[./]', type)[-1]}")


def topic_names(messages: Sequence[tuple[str, str]]) -> list[str]:
    """The default topics for *messages*, each a function type and a type of message.

    They are those of :func:`topic_name`. Where brokers would take two of these as one, each has the whole type in its
    name, such as ``bank.account.v1.Deposit``; where that is not enough, a digest, too.
    """
    names = [topic_name(*each) for each in messages]
    longer: tuple[Callable[[str, str], str], ...] = (_whole, _distinct)
    for lengthen in longer:
        count = Counter(map(as_kafka_compares, names))
        names = [
            lengthen(*each) if count[as_kafka_compares(name)] > 1 else name
            for each, name in zip(messages, names, strict=True)
        ]
    return names


def _whole(function: str, type: str) -> str:
    return for_a_topic(f"{function}.{type.removeprefix(_PROTOBUF)}".replace("/", "."))


def _distinct(function: str, type: str) -> str:
    return with_digest(_whole(function, type), f"{function} {type}")


def topic_clashes(topics: Iterable[str]) -> Iterator[str]:
    """A problem for each of *topics*, of one application, that can't be there besides those before it."""
    seen: dict[str, str] = {}
    for topic in topics:
        key = as_kafka_compares(topic)
        if key not in seen:
            seen[key] = topic
        elif seen[key] == topic:
            yield f"topic {topic}: it is given twice; give it once, with one type and all its targets"
        else:
            yield (
                f"topic {topic}: brokers that have {seen[key]} take no topic of this name, which differs in . and _ "
                "only; rename one of them"
            )
