"""Names that contain the number of a partition: links between partitions, and ids of callers outside."""

from __future__ import annotations

import re
from typing import Final

_LINK: Final = "statefun-actors/partition-"
_DIGITS: Final = 10
"""More than the number of a partition has; Python does not convert thousands of digits."""
_CALL: Final = re.compile(rf"(?:[0-9]{{1,{_DIGITS - 1}}}/)?[0-9]{{1,19}}")
"""A sequence number has 63 bits."""


def link(partition: int) -> str:
    """The egress for messages to *partition*; in a receiver, the source of messages from *partition*."""
    return f"{_LINK}{partition}"


def egress_link(partition: int, egress: str) -> str:
    """In a receiver, the source of the records of *egress* from *partition*."""
    return f"{_LINK}{partition}:{egress}"


def is_between_partitions(name: str) -> bool:
    """Whether *name*, of an egress or of a source, is a link."""
    return name.startswith(_LINK)


def call_id(partition: int, seq: int) -> str:
    """The id of a caller outside that waits at *partition*: ``partition/seq``."""
    return f"{partition}/{seq}"


def is_call_id(id: str) -> bool:
    """Whether *id* is a :func:`call_id`, or a sequence number, as in a store without partitions."""
    return _CALL.fullmatch(id) is not None


def partition_of_call(id: str) -> int:
    """The partition where the caller *id* waits; the first one for an id of a store without partitions."""
    number, slash, _ = id.partition("/")
    return int(number) if slash and number.isascii() and number.isdecimal() and len(number) < _DIGITS else 0


def seq_of_call(id: str) -> int:
    """The sequence number in the id of a caller, with or without a partition."""
    return int(id.rpartition("/")[2])
