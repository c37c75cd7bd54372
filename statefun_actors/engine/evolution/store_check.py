"""Compares an application with the shapes in a store, and reads the data of changed types."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

import attrs

from statefun_actors.dispatch import Application
from statefun_actors.engine.evolution.contents import OwnContents
from statefun_actors.engine.evolution.findings import (
    IncompatibleStateError,
    Loss,
    LossRefusedError,
    StoredTwice,
    StoredTwiceError,
    Unreadable,
)
from statefun_actors.engine.evolution.open_conversations import open_asks, open_schedules
from statefun_actors.engine.evolution.readability import TypeReading
from statefun_actors.engine.evolution.shapes import decoded, position_of, shapes, types_remembered
from statefun_actors.own_logger import own_logger
from statefun_actors.store import CHUNK_BYTES, Kept, Store, StoreReader, Timer, refuse_moved

logger: Final = own_logger("statefun_actors.engine")

_T = TypeVar("_T")

_CHUNK: Final = 1_000
_EVERY: Final = 5_000
"""Rows between two reports of progress."""
_UNREADABLE_BEFORE: Final = frozenset({"MessageDecodeError", "UnhandledMessageError"})
"""Error types of dead letters that their own version of the classes could not read either."""

Progress: TypeAlias = Callable[[str, int], None]
"""Called with the kind of data, such as ``entities of bank/account``, and the number read so far."""


def _no_progress(_what: str, _done: int) -> None:
    pass


@attrs.frozen
class Check:
    """Options of the check. ``strict``: losses refuse the start, too. ``after_move``: a store that was moved to a
    Flink job does not.
    """

    strict: bool = False
    after_move: bool = False
    progress: Progress = _no_progress


@attrs.frozen
class EvolutionFindings:
    """The findings of a check."""

    unreadable: list[Unreadable]
    losses: list[Loss]
    stored_twice: list[StoredTwice] = attrs.field(factory=list)


def find_changes(
    app: Application,
    store: StoreReader,
    now_ms: int,
    progress: Progress = _no_progress,
    positions: Mapping[str, str] | None = None,
) -> EvolutionFindings:
    """The data in *store* that the classes of *app* can't read or would lose. Changes nothing.

    *positions*: those of *store*, if they have been read.

    Reads no data of types with the shape of the last run. Memory does not grow with the amount of data.

    Raises:
        StoreError: the store can't be read.
    """
    if positions is None:
        positions = store.recover().positions
    readings: dict[str, TypeReading] = {}
    texts = shapes(app)
    for name, text in texts.items():
        if positions.get(name) != text:
            function = app.served[name.removeprefix(position_of(""))].function
            readings[function.typename] = TypeReading(function, decoded(positions.get(name)), now_ms)
    for former, typename in app.renamed.items():
        before, function = positions.get(position_of(former)), app.served[typename].function
        if before != texts[position_of(typename)] and _any(store.kept_for(former)):
            readings[former] = TypeReading(function, decoded(before), now_ms)
    for typename, reading in readings.items():
        if reading.reads_entities:
            for row in _reported(store.entities(typename), f"entities of {typename}", progress):
                reading.entity(row)
    if readings:
        _read_messages(store, readings, progress)
    gone = _types_gone(app, store, positions)
    asks, schedules = _read_conversations(store, readings, gone, progress)
    losses = [loss for reading in readings.values() for loss in reading.losses()]
    return EvolutionFindings(
        [each for reading in readings.values() for each in reading.unreadable()],
        [*losses, *_lost_types(store, gone, asks, schedules)],
        _stored_twice(app, store),
    )


def check(app: Application, store: Store, now_ms: int, how: Check) -> None:
    """Check that *app* can resume from *store*; log losses as warnings.

    Raises:
        StoreMovedError: the store was moved to a Flink job, and *how* does not accept that.
        StoredTwiceError: was= can't move the data, since both names have some.
        IncompatibleStateError: some data can't be read.
        LossRefusedError: some data would be lost, and *how* is strict.
        StoreError: the store can't be read.
    """
    positions = store.recover().positions
    if not how.after_move:
        refuse_moved(store, positions)
    found = find_changes(app, store, now_ms, how.progress, positions)
    if found.stored_twice:
        raise StoredTwiceError(found.stored_twice)
    if found.unreadable:
        raise IncompatibleStateError(found.unreadable)
    if found.losses and how.strict:
        raise LossRefusedError(found.losses)
    for loss in found.losses:
        logger.warning("%s", loss)


def move_renamed(app: Application, store: Store) -> None:
    """Move all data of the former function types of *app*'s classes in one commit, and log how much it is.

    Raises:
        StoreError: nothing was moved.
    """
    if not app.renamed:
        return
    for former, typename in app.renamed.items():
        if kept := _in_words(store.kept_for(former)):
            logger.info("%s is %s now: moving %s", former, typename, kept)
    store.rename_types(app.renamed, OwnContents(app.renamed))


def _read_messages(store: StoreReader, readings: Mapping[str, TypeReading], progress: Progress) -> None:
    for message in _reported(store.messages(), "waiting messages", progress):
        if (reading := readings.get(message.target.typename)) is not None:
            reading.message("waiting", message.target, message.value, message.caller)
    for timer in _reported(_timers(store), "delayed messages", progress):
        if (reading := readings.get(timer.target.typename)) is not None:
            reading.message("delayed", timer.target, timer.value, timer.caller)
    for letter in _reported(store.dead_letters(), "dead letters", progress):
        reading = readings.get(letter.message.target.typename)
        if reading is not None and letter.error_type not in _UNREADABLE_BEFORE:
            reading.message("dead-lettered", letter.message.target, letter.message.value, letter.message.caller)


def _timers(store: StoreReader) -> Iterator[Timer]:
    at = (-(1 << 62), 0)
    while chunk := store.timers_after(*at, _CHUNK, CHUNK_BYTES):
        at = (chunk[-1].due_ms, chunk[-1].seq)
        yield from chunk


def _reported(rows: Iterator[_T], what: str, progress: Progress) -> Iterator[_T]:
    for done, row in enumerate(rows):
        if done and not done % _EVERY:
            progress(what, done)
        yield row


def _stored_twice(app: Application, store: StoreReader) -> list[StoredTwice]:
    """The ids that was= can't move: those stored under two of the current and former names of a class."""
    found = []
    for typename, served in app.served.items():
        names = (typename, *served.function.was)
        for one, other in itertools.combinations(names, 2):
            both = store.stored_twice(one, other)
            if both is not None:
                found.append(StoredTwice(one, other, *both))
    return found


def _any(kept: Kept) -> bool:
    return any((kept.entities, kept.messages, kept.timers, kept.dead_letters))


def _types_gone(app: Application, store: StoreReader, positions: Mapping[str, str]) -> list[str]:
    """The function types that an earlier version served and this one doesn't."""
    return sorted({*store.types(), *types_remembered(positions)} - app.all_served.keys() - app.renamed.keys())


def _read_conversations(
    store: StoreReader, readings: Mapping[str, TypeReading], gone: Sequence[str], progress: Progress
) -> tuple[Counter[str], Counter[str]]:
    """The numbers of open asks and of recurring messages, by function type. Also reads those of changed types."""
    asks: Counter[str] = Counter()
    schedules: Counter[str] = Counter()
    if gone or any(reading.reads_asks for reading in readings.values()):
        for ask in _reported(open_asks(store), "open asks", progress):
            if (reading := readings.get(ask.asker.typename)) is not None:
                reading.asks.read(ask)
            asks[ask.asker.typename] += 1
    if gone or any(reading.reads_schedules for reading in readings.values()):
        for schedule in _reported(open_schedules(store), "recurring messages", progress):
            if (reading := readings.get(schedule.target.typename)) is not None:
                reading.message("recurring", schedule.target, schedule.message, schedule.sender)
            schedules[schedule.target.typename] += 1
    return asks, schedules


def _lost_types(
    store: StoreReader, gone: Iterable[str], asks: Mapping[str, int], schedules: Mapping[str, int]
) -> list[Loss]:
    """The losses of function types in *gone* that have stored data."""
    found = []
    for typename in gone:
        kept = _in_words(store.kept_for(typename), asks.get(typename, 0), schedules.get(typename, 0))
        if kept:
            text = (
                f"nothing serves it any more; the store keeps {kept} of it. Serve it again, or put was={typename!r} "
                "on the class that replaces it."
            )
            found.append(Loss(typename, text))
    return found


def _in_words(kept: Kept, asks: int = 0, schedules: int = 0) -> str:
    counted = (
        (kept.entities, "entity", "entities"),
        (kept.messages, "waiting message", "waiting messages"),
        (kept.timers, "delayed message", "delayed messages"),
        (kept.dead_letters, "dead letter", "dead letters"),
        (asks, "open ask", "open asks"),
        (schedules, "recurring message", "recurring messages"),
    )
    return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counted if count)
