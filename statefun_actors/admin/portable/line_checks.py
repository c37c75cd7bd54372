"""Checks of what an engine reads from a store without a check of its own, since engines write it."""

from __future__ import annotations

from typing import Final

from statefun_actors.admin.portable.lines import RequestLine
from statefun_actors.partitions import is_call_id, seq_of_call
from statefun_actors.store import FORMER_CALLERS, PARTITION, PAUSES, RequestState, pauses_in
from statefun_actors.text import shortened

_LARGEST_NEXT_SEQ: Final = 1 << 56
"""Leaves room: sequence numbers have 63 bits, and partitions multiply them by their number."""
_SHOWN: Final = 40
_WITH_RESULT: Final = frozenset({RequestState.REPLIED, RequestState.GIVEN_UP})


def check_next_seq(next_seq: int) -> None:
    """Raises ValueError: *next_seq* is out of range."""
    if not 1 <= next_seq <= _LARGEST_NEXT_SEQ:
        raise ValueError(f"expected a `next_seq` of 1 to {_LARGEST_NEXT_SEQ:,}, got {next_seq:,}")


def check_position(name: str, position: str) -> None:
    """Check a position of the engine; sources and sinks check theirs.

    Raises:
        ValueError: no engine can start with it.
    """
    if name in {PARTITION, FORMER_CALLERS}:
        raise ValueError(f"expected no position {name!r}: only a partition has it, and gets it from its import")
    if name == PAUSES:
        pauses_in(position)


def check_request(line: RequestLine, next_seq: int) -> None:
    """Raises ValueError: *line* is not a request of a store with *next_seq*."""
    if not is_call_id(line.request):
        got = shortened(line.request, _SHOWN)
        raise ValueError(f"expected a `request` such as 17 or, of a partition, 3/17, got {got!r}")
    if seq_of_call(line.request) >= next_seq:
        raise ValueError(f"expected a `request` below the store's `next_seq`, {next_seq:,}, got {line.request}")
    if (line.result is not None) != (line.state in _WITH_RESULT):
        with_result = "no" if line.result is not None else "a"
        raise ValueError(f"expected {with_result} `result` in the state {line.state.value!r}")
