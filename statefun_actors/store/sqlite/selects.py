"""The SELECT statements of the reads, and the conversion of their rows to values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from statefun_actors.address import Address
from statefun_actors.model import Headers, TypedValue
from statefun_actors.store import DeadLetterEntry, EgressRecord, KeyedRequest, Message, RequestState, Timer
from statefun_actors.store.sqlite.schema import DEAD_LETTER, HISTORY, MESSAGE, REQUEST, TIMER

_read_headers: Final = msgspec.json.Decoder(dict[str, str]).decode

PAGE: Final = 500
"""Rows that a stream reads at a time. No cursor is open in between, so a slow consumer delays no checkpoint."""


def listed(columns: Sequence[str]) -> str:
    return ", ".join(columns)


MESSAGES_TO: Final = f"SELECT {listed(MESSAGE)} FROM message WHERE type = ? AND id = ? AND seq > ? ORDER BY seq LIMIT ?"
TIMERS_AFTER: Final = (
    # A union of two ranges of the index: the single range (due_ms, seq) > (?, ?) would scan all that are due at due_ms.
    f"SELECT {listed(TIMER)} FROM timer WHERE due_ms = ? AND seq > ? "
    f"UNION ALL SELECT {listed(TIMER)} FROM timer WHERE due_ms > ? ORDER BY due_ms, seq LIMIT ?"
)
PENDING_TIMER: Final = (
    f"SELECT {listed(TIMER)} FROM timer WHERE caller_type = ? AND caller_id = ? AND token = ? ORDER BY seq DESC LIMIT 1"
)
DEAD_LETTER_BY_SEQ: Final = f"SELECT {listed(DEAD_LETTER)} FROM dead_letter WHERE seq = ?"
HISTORY_OF: Final = (  # few rows, so that no index is needed; the bytes are read of the found ones only
    f"SELECT {listed(HISTORY)} FROM history WHERE seq < ? AND instr(' ' || keys || ' ', ?) ORDER BY seq DESC LIMIT ?"
)
HISTORY_SIZES: Final = "SELECT seq, length(keys) + length(packed) FROM history ORDER BY seq"
REQUEST_BY_KEY: Final = f"SELECT {listed(REQUEST)} FROM request WHERE type = ? AND id = ? AND key = ?"
REQUESTS_AFTER: Final = (
    f"SELECT {listed(REQUEST)} FROM request WHERE (type, id, key) > (?, ?, ?) %s ORDER BY type, id, key LIMIT {PAGE}"
)
REQUESTS_BEFORE: Final = (
    f"SELECT {listed(REQUEST)} FROM request WHERE time_ms <= ? ORDER BY time_ms, type, id, key LIMIT ?"
)
EXPIRED: Final = "SELECT type, id FROM entity WHERE expires_ms <= ? ORDER BY expires_ms, type, id LIMIT ?"
LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM ({})".format(
    " UNION ALL ".join(
        f"SELECT max(seq) AS seq FROM {table}" for table in ("message", "timer", "egress", "dead_letter")
    )
)
LOAD_SIZES: Final = (1, 4, 16, 64, 256)
LOAD: Final = {
    size: f"SELECT column1, state FROM (VALUES {', '.join(f'({n}, ?, ?)' for n in range(size))}) "
    "CROSS JOIN entity ON type = column2 AND id = column3"
    for size in LOAD_SIZES
}
"""One statement for this many addresses: a third of the cost of one statement for each."""


def after_prefix(prefix: str) -> str | None:
    """The least string greater than all that begin with *prefix*; None if there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    successor = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if successor == 0xD800 else successor)


def address_of(typename: str, id: str) -> Address:
    """Create an address without checks: it was checked before it was stored."""
    return tuple.__new__(Address, (typename, id))


def message_of(seq: int, typename: str, id: str, caller_type: str | None, *rest: Any) -> Message:
    caller_id, headers, value_type, value = rest
    caller = None if caller_type is None else address_of(caller_type, caller_id)
    return Message(seq, address_of(typename, id), TypedValue(value_type, value), caller, _headers(headers))


def dead_letter_of(
    seq: int, error_type: str, error: str, attempts: int, time_ms: int, *message: Any
) -> DeadLetterEntry:
    return DeadLetterEntry(seq, message_of(*message), error_type, error, attempts, time_ms)


def request_of(typename: str, id: str, key: str, digest: str, time_ms: int, *rest: Any) -> KeyedRequest:
    request, state, value_type, value = rest
    result = None if value_type is None else TypedValue(value_type, value)
    return KeyedRequest(address_of(typename, id), key, digest, time_ms, request, RequestState(state), result)


def timer_of(seq: int, due_ms: int, *message: Any) -> Timer:
    typename, id, caller_type, caller_id, token, headers, value_type, value = message
    caller = None if caller_type is None else address_of(caller_type, caller_id)
    return Timer(seq, due_ms, address_of(typename, id), TypedValue(value_type, value), caller, token, _headers(headers))


def egress_record_of(seq: int, egress: str, headers: str | None, value_type: str, value: bytes) -> EgressRecord:
    return EgressRecord(seq, egress, TypedValue(value_type, value), _headers(headers))


def _headers(stored: str | None) -> Headers | None:
    return None if stored is None else _read_headers(stored)
