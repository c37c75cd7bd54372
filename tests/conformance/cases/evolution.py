"""Evolution: classes that have changed since the last run."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from statefun_actors import Address, Entity, RequestReplyHandler, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import (
    Check,
    Engine,
    IncompatibleStateError,
    LossRefusedError,
    ManualClock,
    StoredTwiceError,
)
from statefun_actors.errors import DefinitionError
from statefun_actors.store import MemoryStore
from statefun_actors.types import pack
from tests.conformance.cases.vocabulary import working
from tests.conformance.sections import EVOLUTION as G
from tests.engine.engines import send


@attrs.frozen
class Entry:
    cents: int


@attrs.frozen
class LaterEntry:
    cents: int
    note: str


class Book(Entity, typename="conf/book"):
    entries: dict[str, Entry] = persisted(factory=dict)

    @handles(int)
    def add(self, cents: int) -> None:
        self.entries[str(len(self.entries))] = Entry(cents)


class LaterBook(Entity, typename="conf/book"):
    entries: dict[str, LaterEntry] = persisted(factory=dict)

    @handles(int)
    def add(self, cents: int) -> None: ...


class RenamedField(Entity, typename="conf/book"):
    lines: dict[str, Entry] = persisted(factory=dict)

    @handles(int)
    def add(self, cents: int) -> None: ...


class Moved(Entity, typename="conf/ledger", was="conf/book"):
    entries: dict[str, Entry] = persisted(factory=dict)

    @handles(int)
    def add(self, cents: int) -> None:
        self.entries[str(len(self.entries))] = Entry(cents)


class Ledger(Entity, typename="conf/ledger"):
    entries: dict[str, Entry] = persisted(factory=dict)

    @handles(int)
    def add(self, cents: int) -> None:
        self.entries[str(len(self.entries))] = Entry(cents)


class Reads(MemoryStore):
    """Counts how often entities are looked for."""

    entities_read = 0

    def entities(self, typename: str, prefix: str = "", after: str | None = None) -> Any:
        self.entities_read += 1
        return super().entities(typename, prefix, after)


async def stored(cls: type[Entity], store: MemoryStore) -> None:
    engine = Engine(Application(cls), store, ManualClock())
    async with working(engine):
        send(engine, cls.at("a"), pack(5))
        await engine.settled()


@G.once("G1", "where a type's shape, in depth, is that of the last run, nothing is read at start", "embedded")
async def same_shape() -> None:
    await stored(Book, store := Reads())
    store.entities_read = 0
    await stored(Book, store)
    assert not store.entities_read


@G.once("G2", "run starts where all of it can be read; else nothing is changed and each state is named", "embedded")
async def unreadable() -> None:
    await stored(Book, store := MemoryStore())
    before = store.recover()
    with pytest.raises(IncompatibleStateError, match=r"state 'entries' can't be read \(conf/book/a\): .*note"):
        Engine(Application(LaterBook), store, ManualClock())
    assert store.recover() == before


@G.once("G3", "what would be lost in silence is told at start, with counts, and --strict refuses it", "embedded")
async def lost_in_silence() -> None:
    await stored(Book, store := MemoryStore())
    with pytest.raises(
        LossRefusedError, match="the state 'entries' was removed, while 'lines' was added; 1 entity, conf/book/a"
    ):
        Engine(Application(RenamedField), store, ManualClock(), check_changes=Check(strict=True))
    Engine(Application(RenamedField), store, ManualClock())


@G.once("G4", "was= moves what is stored, and what is sent to the old name goes to the new one", "embedded")
async def renamed() -> None:
    await stored(Book, store := MemoryStore())
    engine = Engine(Application(Moved), store, ManualClock())
    async with working(engine):
        send(engine, Address("conf/book", "a"), pack(6))
        await engine.settled()
        state = engine.view.state(Moved.at("a"))["entries"]
    assert state is not None
    assert state.value == b'{"0":{"cents":5},"1":{"cents":6}}'


@G.once("G5", "an id stored under both names is refused at start, named", "embedded")
async def twice() -> None:
    await stored(Book, store := MemoryStore())
    await stored(Ledger, store)
    with pytest.raises(StoredTwiceError, match="conf/ledger: the id 'a' is stored under conf/book, too"):
        Engine(Application(Moved), store, ManualClock())


@G.once("G6", "Flink can't move state: what it calls refuses was=", "wire")
def refused() -> None:
    with pytest.raises(DefinitionError, match="Flink can't move state"):
        RequestReplyHandler(Moved)
