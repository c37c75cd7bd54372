"""A class with was=: what is stored under its former function type moves at start, all of it or nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.admin import export_store, import_store, read_entities
from statefun_actors.connectors.files import JsonLinesSource
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock, StoredTwiceError, SystemClock, find_changes
from statefun_actors.errors import InternalMessageError
from statefun_actors.ingress import BadLine, Handled, IngressMessage, Lines, Wait
from statefun_actors.store import MemoryStore, Store, StoreError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.types import pack
from tests.engine.engines import held, running, send
from tests.engine.renamed import NEW, OLD, Fail, Later, account

Opened = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Opens one and the same store, again and again."""
    memory = MemoryStore()
    return lambda: memory if request.param == "memory" else SqliteStore(tmp_path / "store.db")


async def written(store: Store, clock: ManualClock, cls: type[Entity] = OLD) -> None:
    """An account a with 5 cents, a deposit of 7 that is delayed, a dead letter, and a keyed request."""
    async with running(cls, store=store, clock=clock) as engine:
        send(engine, cls.at("a"), pack(5))
        send(engine, cls.at("a"), pack(Later(7)))
        send(engine, cls.at("a"), pack(Fail()))
        engine.take(IngressMessage(cls.at("b"), pack(1), 0, Wait.HANDLED, "key"), lambda _: None)
        await engine.settled()
    store.close()


async def test_all_that_is_stored_moves_and_goes_on(opened: Opened) -> None:
    clock = ManualClock()
    await written(opened(), clock)
    store = opened()
    answers: list[object] = []
    async with running(NEW, store=store, clock=clock) as engine:
        send(engine, NEW.at("a"), pack(Later(8)))  # replaces what is pending under this token
        engine.take(IngressMessage(NEW.at("b"), pack(1), 0, Wait.HANDLED, "key"), answers.append)
        await engine.settled()
        clock.set_ms(clock.now_ms() + 3_600_000)
        (letter,) = engine.view.dead_letters()
        engine.changes.retry_dead_letter(letter.seq)
        await engine.settled()

        assert held(engine, NEW.at("a"), "balance") == 5 + 8 + 1_000
        assert held(engine, NEW.at("b"), "balance") == 1
    assert answers == [Handled()]
    assert letter.message.target == Address("bank/account", "a")
    assert store.types() == ["bank/account"]
    assert [name for name in store.recover().positions if name.startswith("shape:")] == ["shape:bank/account"]
    store.close()


async def test_messages_to_the_former_name_reach_the_class(opened: Opened, tmp_path: Path) -> None:
    class Sender(Entity, typename="test/sender"):
        @handles(int)
        def send_on(self, cents: int) -> None:
            self.send(Address("old/account", "a"), cents)
            self.send_after(timedelta(hours=1), Address("old/account", "a"), cents * 10)

    (tmp_path / "in.jsonl").write_text(
        json.dumps({"to": "old/account/a", "type": "io.statefun.types/long", "value": 3})
    )
    app, clock, store = Application(NEW, Sender), ManualClock(), opened()
    source = JsonLinesSource(tmp_path / "in.jsonl", app)
    answers: list[object] = []
    async with running(NEW, Sender, store=store, clock=clock, sources={"in": source}) as engine:
        send(engine, Sender.at("s"), pack(1))
        send(engine, Address("old/account", "a"), pack(100))
        engine.take(IngressMessage(Address("old/account", "a"), pack(5), 0, Wait.HANDLED, "key"), answers.append)
        await engine.settled()
        engine.take(IngressMessage(NEW.at("a"), pack(5), 0, Wait.HANDLED, "key"), answers.append)
        clock.set_ms(clock.now_ms() + 3_600_000)
        await engine.settled()

        assert held(engine, NEW.at("a"), "balance") == 1 + 10 + 100 + 5 + 3
        assert engine.view.state(Address("old/account", "a")) == engine.view.state(NEW.at("a"))
        assert not engine.view.parked
    assert answers == [Handled(), Handled()]
    source.close()
    store.close()


async def test_an_id_under_both_names_is_refused_and_named(opened: Opened) -> None:
    clock = ManualClock()
    for cls in (OLD, account("bank/account"), account("older/account")):
        await written(opened(), clock, cls)
    store = opened()
    before = store.counts()

    with pytest.raises(StoredTwiceError) as raised:
        Engine(Application(account("bank/account", ("old/account", "older/account"))), store, clock)

    assert str(raised.value) == (
        "was= can't move what is stored, since some of it is stored under both names:\n"
        "  - bank/account: 2 ids, 'a' first, are stored under old/account, too\n"
        "  - bank/account: 2 ids, 'a' first, are stored under older/account, too\n"
        "  - old/account: 2 ids, 'a' first, are stored under older/account, too\n"
        "Nothing was changed. Keep one of each two: `statefun-actors export` the store, remove the lines of the "
        "others, and `import` it; or drop was=."
    )
    assert store.counts() == before
    store.close()


async def test_several_former_names_move_to_one(opened: Opened) -> None:
    clock = ManualClock()
    await written(opened(), clock)
    async with running(account("older/account"), store=opened(), clock=clock) as engine:
        send(engine, Address("older/account", "z"), pack(9))
        await engine.settled()
        engine.store.close()
    cls = account("bank/account", ["old/account", "older/account"])
    store = opened()
    async with running(cls, store=store, clock=clock) as engine:
        assert [held(engine, cls.at(id), "balance") for id in "abz"] == [5, 1, 9]
    store.close()


async def test_a_state_that_the_class_can_not_read_is_refused_before_anything_moves(opened: Opened) -> None:
    await written(opened(), ManualClock())

    class Other(Entity, typename="bank/account", was="old/account"):
        balance: str = persisted(default="")

        @handles(int, Later, Fail)
        def take(self, message: int | Later | Fail) -> None: ...

    store = opened()
    findings = find_changes(Application(Other), store, SystemClock().now_ms())

    assert [str(each).partition(" Changed")[0] for each in findings.unreadable] == [
        "bank/account: state 'balance' can't be read (2 entities, old/account/a first): "
        "it is stored as 'io.statefun.types/long'. Old type: int. New type: str."
    ]
    assert store.types() == ["old/account"]
    store.close()


async def test_a_move_that_is_interrupted_moves_nothing_and_is_done_at_the_next_start(tmp_path: Path) -> None:
    path, clock = tmp_path / "store.db", ManualClock()
    await written(SqliteStore(path), clock)
    db = sqlite3.connect(path)
    db.execute("CREATE TRIGGER t BEFORE UPDATE ON dead_letter BEGIN SELECT RAISE(ABORT, 'stop'); END")
    db.commit()
    store = SqliteStore(path)
    with pytest.raises(StoreError, match="stop"):
        Engine(Application(NEW), store, clock)
    assert store.types() == ["old/account"]
    store.close()
    db.execute("DROP TRIGGER t")
    db.commit()
    db.close()

    store = SqliteStore(path)
    Engine(Application(NEW), store, clock)

    assert store.types() == ["bank/account"]
    store.close()


async def test_a_store_that_has_not_been_moved_yet_is_read_and_imported_as_it_is(tmp_path: Path) -> None:
    path, copy = tmp_path / "store.db", tmp_path / "copy.db"
    await written(SqliteStore(path), ManualClock())
    reader = SqliteStore.open_reader(path)
    lines = list(export_store(reader))
    reader.close()
    await import_store(lines, "export", copy)

    store = SqliteStore(copy)
    Engine(Application(NEW), store, ManualClock())
    store.close()

    for each in (path, copy):
        found = [(id, entity.balance) for id, entity in read_entities(each, NEW)]  # type: ignore[attr-defined]
        assert found == [("a", 5), ("b", 1)]


async def test_test_runtime_takes_the_former_name() -> None:
    async with TestRuntime(NEW) as runtime:
        await runtime.tell(Address("old/account", "a"), 5)

        assert runtime.state(Address("old/account", "a")).balance == 5
        assert runtime.state(NEW.at("a")).balance == 5


async def test_an_internal_class_refuses_messages_from_outside_to_its_former_name() -> None:
    class Ledger(Entity, typename="bank/ledger", was="old/ledger", internal=True):
        @handles(int)
        def note(self, cents: int) -> None: ...

    refusal = (
        "bank/ledger takes io.statefun.types/long from other functions only, since Ledger.note is internal=True; "
        "got one from outside. Send it from a function, or drop internal=True."
    )
    lines = Lines(Application(Ledger))
    with pytest.raises(BadLine) as bad:
        lines.message(b'{"to": "old/ledger/a", "value": 5}')
    async with TestRuntime(Ledger) as runtime:
        with pytest.raises(InternalMessageError) as refused:
            await runtime.tell(Address("old/ledger", "a"), 5)

    assert (str(bad.value), str(refused.value)) == (refusal, refusal)
