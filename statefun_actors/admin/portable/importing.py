"""Imports lines into a store, all or nothing: a new store is built next to the target, then replaces it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, assert_never

import msgspec

from statefun_actors.admin.portable import lines
from statefun_actors.admin.portable.lines import Known
from statefun_actors.asking import OWN_FUNCTIONS, REPLY, SCHEDULE
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRecord,
    EntityRow,
    KeyedRequest,
    Message,
    ReadOnlyStore,
    StoreError,
    Timer,
    new_partitions,
    pack,
    replace_store,
)

_ROWS: Final = 2_000
_BYTES: Final = 8 * 1024 * 1024
"""The maximum of lines and of bytes in a commit."""


class BadExportError(StatefunActorsError, ValueError):
    """A line of an export can't be imported. Nothing was imported. Retry with a corrected file."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(file, line, reason)
        self.file, self.line, self.reason = file, line, reason

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.reason.rstrip('.')}. Nothing was imported."


class StoreNotEmptyError(StoreError):
    """The target of an import is not empty."""

    retryable = False

    def __init__(self, store: str, holds: str) -> None:
        super().__init__(
            store, f"it holds {holds} already", "Nothing was imported. Choose another store, or add --replace."
        )


async def import_store(
    source: Iterable[bytes],
    file: str,
    target: Path,
    known: Known | None = None,
    *,
    replace: bool = False,
    partitions: int | None = None,
) -> dict[str, int]:
    """Import the lines in *source* into the store *target*; memory does not grow with their number.

    Args:
        source: lines from :func:`export_store`.
        file: their name in errors.
        target: path of the store, a file. No engine may run on it meanwhile.
        known: reads values of an application's own types, see :func:`known_codecs`.
        replace: whether data in *target* is replaced.
        partitions: their number; *target* is then the path of a new folder. None: there are no partitions.

    Returns:
        The numbers of ``messages``, ``timers``, ``egress``, ``dead_letters``, entities of each function type; open
        ``asks`` and ``schedules`` if there are any. The timers of this library's own functions are left out.

    Raises:
        BadExportError: a line is invalid, or lines are missing.
        StoreNotEmptyError: *target* has data, and *replace* isn't set.
        StoreError: *target* is in use, not a store of this library, or can't be written.
    """

    def confirm(there: ReadOnlyStore) -> None:
        holds = "" if replace else _contents(there)
        if holds:
            raise StoreNotEmptyError(str(target), holds)

    try:
        if partitions is not None:
            with new_partitions(target, partitions) as writer:
                await _fill(writer, source, file, known or {})
                await writer.end()
                return _counts(writer)
        with replace_store(target, confirm) as store:
            await _fill(store, source, file, known or {})
            return _counts(store)
    except OSError as error:
        raise StoreError(str(target), f"it can't be written: {error}", "Nothing was imported.") from error


class _Target(Protocol):
    """A store, or several as one."""

    async def commit(self, commit: Commit) -> None: ...

    def counts(self, without: Collection[str] = ()) -> Mapping[str, int]: ...


def _counts(store: _Target) -> dict[str, int]:
    whole, counts = store.counts(), dict(store.counts(OWN_FUNCTIONS))
    own = {"asks": REPLY, "schedules": SCHEDULE}
    return counts | {name: whole[typename] for name, typename in own.items() if typename in whole}


def _contents(store: ReadOnlyStore) -> str:
    """Text: the contents of *store*; empty if it is empty."""
    counts = dict(store.counts())
    parts = {
        name: counts.pop(key)
        for key, name in (
            ("messages", "messages"),
            ("timers", "delayed messages"),
            ("egress", "egress records"),
            ("dead_letters", "dead letters"),
        )
    }
    parts = {"entities": sum(counts.values()), **parts, "positions": len(store.recover().positions)}
    if not store.is_older:
        parts["requests"] = sum(1 for _ in store.requests())
    return ", ".join(f"{number:,} {name}" for name, number in parts.items() if number)


async def _fill(store: _Target, source: Iterable[bytes], file: str, known: Known) -> None:
    batch = _Batch(known)
    number, ended = 0, False
    for number, text in enumerate(source, 1):
        try:
            if ended:
                raise ValueError("expected nothing after the line of kind `end`")
            ended = batch.take(number, text)
        except (ValueError, msgspec.MsgspecError, RecursionError) as error:
            raise BadExportError(file, number, _reason(error)) from None
        if batch.rows >= _ROWS or batch.bytes >= _BYTES:
            await _commit(store, batch, file, number)
    if not ended:
        missing = "expected a line of kind `end` as the last one, got the end of the file: it was cut short"
        raise BadExportError(file, number + 1, missing)
    await _commit(store, batch, file, number)
    timers = store.counts()["timers"]
    if timers != batch.timers_seen:
        raise BadExportError(file, number, f"{batch.timers_seen - timers} timers have the `seq` of another one")


async def _commit(store: _Target, batch: _Batch, file: str, number: int) -> None:
    try:
        await store.commit(batch.commit())
    except ValueError as error:
        raise BadExportError(file, number, str(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"expected UTF-8, got the byte 0x{error.object[error.start]:02x}"
    if isinstance(error, RecursionError):
        return "expected JSON, got JSON that is nested too deeply"
    return str(error)


class _Numbered(Protocol):
    seq: int


class _Batch:
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
        if header.next_seq < 1:
            raise ValueError("expected a `next_seq` of 1 or more")
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
