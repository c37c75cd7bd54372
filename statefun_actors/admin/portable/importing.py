"""Imports lines into a store, all or nothing: a new store is built next to the target, then replaces it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from statefun_actors.admin.portable.import_batch import ImportBatch
from statefun_actors.admin.portable.lines import Known
from statefun_actors.asking import OWN_FUNCTIONS, REPLY, SCHEDULE
from statefun_actors.errors import StatefunActorsError
from statefun_actors.store import (
    Commit,
    ReadOnlyStore,
    StoreError,
    new_partitions,
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
    batch = ImportBatch(known)
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


async def _commit(store: _Target, batch: ImportBatch, file: str, number: int) -> None:
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
