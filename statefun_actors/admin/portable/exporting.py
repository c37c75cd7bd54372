"""Exports a store as lines, one by one; memory does not grow with the store."""

from __future__ import annotations

from collections.abc import Iterator

from statefun_actors.admin.portable import lines
from statefun_actors.admin.portable.lines import Known
from statefun_actors.store import (
    CHUNK_BYTES,
    DamagedStateError,
    EgressRecord,
    EntityRow,
    Message,
    StoreReader,
    Timer,
    pack,
    unpack,
)

_CHUNK = 500
_INPUT = "source:"
"""The names of the positions in inputs begin with it."""


def export_store(store: StoreReader, known: Known | None = None, *, with_inputs: bool = True) -> Iterator[bytes]:
    """The lines of *store*, each with its line feed. Use a snapshot of a store that changes meanwhile.

    Args:
        store: read lazily.
        known: makes values of an application's own types readable, see :func:`known_codecs`.
        with_inputs: whether the positions in inputs are exported; without them, inputs are read from the start again.

    Raises:
        StoreError: it can't be read.
    """
    known = known or {}
    recovered = store.recover()
    yield _line(lines.Header(lines.VERSION, recovered.next_seq))
    count = 0
    for name, position in sorted(recovered.positions.items()):
        if name.startswith(_INPUT) and not with_inputs:
            continue
        count += 1
        yield _line(lines.PositionLine(name, position))
    for line in _rows(store, known):
        count += 1
        yield _line(line)
    yield _line(lines.End(count))


def _line(line: lines.Line) -> bytes:
    return lines.encode(line) + b"\n"


def _rows(store: StoreReader, known: Known) -> Iterator[lines.Line]:
    for typename in store.types():
        for row in store.entities(typename):
            yield _entity(row, known)
    for message in store.messages():
        value, caller = lines.form(message.value, known), lines.caller_pair(message.caller)
        yield lines.MessageLine(message.seq, lines.pair(message.target), value, caller, _headers(message))
    after = (-(1 << 63), -1)
    while timers := store.timers_after(*after, _CHUNK, CHUNK_BYTES):
        for timer in timers:
            value, caller = lines.form(timer.value, known), lines.caller_pair(timer.caller)
            to, headers = lines.pair(timer.target), _headers(timer)
            yield lines.TimerLine(timer.seq, timer.due_ms, to, value, caller, timer.token, headers)
        after = (timers[-1].due_ms, timers[-1].seq)
    seq = -1
    while records := store.egress_after(seq, _CHUNK):
        for record in records:
            value = lines.form(record.value, known)
            yield lines.EgressLine(record.seq, record.egress, value, _headers(record))
        seq = records[-1].seq
    for entry in store.dead_letters():
        message = entry.message
        yield lines.DeadLetterLine(
            seq=entry.seq,
            message_seq=message.seq,
            to=lines.pair(message.target),
            value=lines.form(message.value, known),
            error_type=entry.error_type,
            error=entry.error,
            attempts=entry.attempts,
            time_ms=entry.time_ms,
            caller=lines.caller_pair(message.caller),
            headers=_headers(message),
        )
    for request in store.requests():
        result = None if request.result is None else lines.form(request.result, known)
        to, times = lines.pair(request.target), request.time_ms
        yield lines.RequestLine(to, request.key, request.digest, times, request.request, request.state, result)


def _headers(row: EgressRecord | Message | Timer) -> dict[str, str] | None:
    return None if row.headers is None else dict(row.headers)


def _entity(row: EntityRow, known: Known) -> lines.EntityLine:
    typename, id = row.address
    packed = row.packed
    assert packed is not None
    try:
        record = unpack(row.address, packed, ())
    except DamagedStateError:
        record = None
    if record is None or pack(record) != packed:
        return lines.EntityLine(typename, id, expires_ms=row.expires_ms, packed=packed)
    state = {name: lines.form(value, known) for name, value in record.state.items() if value is not None}
    return lines.EntityLine(typename, id, state, record.written_ms, record.last_call_ms, row.expires_ms)
