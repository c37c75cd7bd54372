"""``ImportBatch``: lines of an export, checked and collected for one commit."""

from __future__ import annotations

from typing import Any, Protocol, assert_never

from statefun_actors.admin.portable import lines
from statefun_actors.admin.portable.line_checks import check_next_seq, check_position, check_request
from statefun_actors.admin.portable.lines import Known
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRecord,
    EntityRow,
    KeyedRequest,
    Message,
    Timer,
    pack,
)


class _Numbered(Protocol):
    seq: int


class ImportBatch:
    """The lines since the last commit."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._next_seq = 0
        self._count = 0
        self._last: dict[type, tuple[Any, ...]] = {}
        """The key of the last line of each kind."""
        self.timers_seen = 0
        self._begin()

    def _begin(self) -> None:
        self.rows = self.bytes = 0
        self._entities: list[EntityRow] = []
        self._messages: list[Message] = []
        self._timers: list[Timer] = []
        self._egress: list[EgressRecord] = []
        self._dead_letters: list[DeadLetterEntry] = []
        self._requests: list[KeyedRequest] = []
        self._positions: dict[str, str] = {}

    def commit(self) -> Commit:
        """The commit of the lines since the last one."""
        commit = Commit(
            entities=self._entities,
            messages=self._messages,
            timers=self._timers,
            egress=self._egress,
            dead_letters=self._dead_letters,
            requests=self._requests,
            positions=self._positions,
            next_seq=self._next_seq,
        )
        self._begin()
        return commit

    def take(self, number: int, text: bytes) -> bool:
        """Add a line; returns whether it was the last one.

        Raises:
            ValueError, MsgspecError: it is invalid, or out of place.
        """
        line = lines.decode(text)
        if (number == 1) != isinstance(line, lines.Header):
            raise ValueError("expected one line of kind `store`, as the first line")
        if isinstance(line, lines.End):
            if line.lines != self._count:
                raise ValueError(f"expected {line.lines:,} lines before the last one, got {self._count:,}")
            return True
        if isinstance(line, lines.Header):
            self._take_header(line)
            return False
        self._count += 1
        self.rows += 1
        self.bytes += len(text)
        self._take(line)
        return False

    def _take_header(self, header: lines.Header) -> None:
        if header.version != lines.VERSION:
            raise ValueError(
                f"expected version {lines.VERSION} of the format, got {header.version}: another version of "
                "statefun-actors wrote it, and can read it"
            )
        check_next_seq(header.next_seq)
        self._next_seq = header.next_seq

    def _take(
        self,
        line: lines.PositionLine
        | lines.EntityLine
        | lines.MessageLine
        | lines.TimerLine
        | lines.EgressLine
        | lines.DeadLetterLine
        | lines.RequestLine,
    ) -> None:
        known = self._known
        match line:
            case lines.PositionLine():
                self._ascends(line, (line.name,))
                check_position(line.name, line.position)
                self._positions[line.name] = line.position
            case lines.EntityLine():
                self._ascends(line, (line.type, line.id))
                self._entities.append(self._entity(line))
            case lines.MessageLine():
                self._numbered(line)
                value, caller = lines.typed(line.value, known), lines.caller(line.caller)
                self._messages.append(Message(line.seq, lines.address(line.to), value, caller, line.headers))
            case lines.TimerLine():
                self._numbered(line, line.due_ms)
                self.timers_seen += 1
                value, caller = lines.typed(line.value, known), lines.caller(line.caller)
                self._timers.append(
                    Timer(line.seq, line.due_ms, lines.address(line.to), value, caller, line.token, line.headers)
                )
            case lines.EgressLine():
                self._numbered(line)
                self._egress.append(EgressRecord(line.seq, line.name, lines.typed(line.value, known), line.headers))
            case lines.DeadLetterLine():
                self._numbered(line)
                value, caller = lines.typed(line.value, known), lines.caller(line.caller)
                message = Message(line.message_seq, lines.address(line.to), value, caller, line.headers)
                self._dead_letters.append(
                    DeadLetterEntry(line.seq, message, line.error_type, line.error, line.attempts, line.time_ms)
                )
            case lines.RequestLine():
                self._ascends(line, (*line.to, line.key))
                check_request(line, self._next_seq)
                result = None if line.result is None else lines.typed(line.result, known)
                target, name = lines.address(line.to), line.request
                request = KeyedRequest(target, line.key, line.digest, line.time_ms, name, line.state, result)
                self._requests.append(request)
            case _:
                assert_never(line)

    def _entity(self, line: lines.EntityLine) -> EntityRow:
        address = lines.address((line.type, line.id))
        if isinstance(line.packed, bytes):
            return EntityRow(address, line.packed, line.expires_ms)
        if not line.state:
            raise ValueError("expected an entity with a `state`; one without any is not kept")
        state = {name: lines.typed(form, self._known) for name, form in line.state.items()}
        packed = pack(EntityRecord({**state}, line.written_ms, line.last_call_ms))
        return EntityRow(address, packed, line.expires_ms)

    def _numbered(self, line: _Numbered, before: int = 0) -> None:
        self._ascends(line, (before, line.seq))
        if not 0 <= line.seq < self._next_seq:
            raise ValueError(f"expected a `seq` below the store's `next_seq`, {self._next_seq}, got {line.seq}")

    def _ascends(self, line: object, key: tuple[Any, ...]) -> None:
        last = self._last.get(type(line))
        if last is not None and key <= last:
            raise ValueError(f"expected lines of a kind in ascending order, got {_shown(key)} after {_shown(last)}")
        self._last[type(line)] = key


def _shown(key: tuple[Any, ...]) -> str:
    return "/".join(map(str, key))
