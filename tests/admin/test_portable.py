"""A store becomes lines, and lines become the same store; in bounded memory."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.admin import export_store, import_store, known_codecs
from statefun_actors.admin.portable import lines
from statefun_actors.dispatch import Application
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.store import Commit, MemoryStore
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from statefun_actors.testing import TestRuntime
from statefun_actors.testing.checks.common import entity
from statefun_actors.types import kafka_to_typed, pack, record_to_typed
from tests.admin.lines import Basket, Wish, imported
from tests.store.store_checks import answers, commits
from tests.store.test_stores import IN_MEMORY

START = datetime(2026, 1, 1, tzinfo=UTC)


async def shop(path: Path) -> None:
    """A store with some of everything."""
    store = SqliteStore(path)
    async with TestRuntime(Basket, start=START, store=store) as runtime:
        await runtime.tell(Basket.at("ada"), Wish("tea"))
        await runtime.tell(Basket.at("bob"), Wish("ham\né"))
    again = SqliteStore(path)
    (waiting,) = {m.target.typename for m in again.messages()}
    assert waiting == "elsewhere/audit"
    await again.commit(Commit(positions={"source:/in.jsonl": "[3,200]"}))
    again.close()


def exported(path: Path, *, app: bool = False) -> list[bytes]:
    reader = SqliteReader(path)
    try:
        return list(export_store(reader, known_codecs(Application(Basket)) if app else None))
    finally:
        reader.close()


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(commits, min_size=1, max_size=6))
def test_any_store_comes_back_as_it_was(history: list[Commit]) -> None:
    async def filled() -> MemoryStore:
        store = MemoryStore()
        for commit in history:
            await store.commit(commit)
        await store.commit(Commit(next_seq=100))
        return store

    store = asyncio.run(filled())
    before = [*export_store(store)]
    with TemporaryDirectory(dir=IN_MEMORY) as folder:
        counts = imported(before, Path(folder) / "store.db")

        again = SqliteStore(Path(folder) / "store.db")
        assert counts == store.counts()
        assert answers(again) == answers(store)
        assert [*export_store(again)] == before
        assert again.integrity_check() == []
        again.close()


@pytest.mark.parametrize(("when_exported", "when_imported"), [(False, False), (True, True), (False, True)])
async def test_a_store_of_an_application_comes_back_as_it_was(
    tmp_path: Path, when_exported: bool, when_imported: bool
) -> None:
    await shop(tmp_path / "shop.db")

    reported = await asyncio.to_thread(exported, tmp_path / "shop.db", app=when_exported)
    await asyncio.to_thread(imported, reported, tmp_path / "again.db", app=when_imported)

    there, back = SqliteReader(tmp_path / "shop.db"), SqliteReader(tmp_path / "again.db")
    assert answers(back) == answers(there)
    assert [row.expires_ms for row in back.entities("shop/basket")] == [None, None]
    there.close()
    back.close()


async def test_an_engine_goes_on_where_the_exported_store_was(tmp_path: Path) -> None:
    await shop(tmp_path / "shop.db")
    await asyncio.to_thread(imported, exported(tmp_path / "shop.db"), tmp_path / "again.db")

    store = SqliteStore(tmp_path / "again.db")
    async with TestRuntime(Basket, start=START + timedelta(hours=23), store=store) as runtime:
        assert runtime.state(Basket.at("ada")).wishes == ["tea"]
        await runtime.clock.advance(timedelta(hours=2))
        assert runtime.state(Basket.at("ada")).wishes == []


async def test_values_are_readable_where_nothing_is_lost(tmp_path: Path) -> None:
    await shop(tmp_path / "shop.db")

    lines = [json.loads(line) for line in exported(tmp_path / "shop.db")]
    reported = [line for line in lines if not line.get("name", "").startswith(("lineage", "shape:"))]

    assert reported[0] == {"kind": "store", "version": 1, "next_seq": reported[0]["next_seq"]}
    assert reported[1] == {"kind": "position", "name": "source:/in.jsonl", "position": "[3,200]"}
    assert reported[3] == {
        "kind": "entity",
        "type": "shop/basket",
        "id": "bob",
        "state": {
            "wishes": {"type": "statefun-actors/json", "json": ["ham\né"]},
            "last": {"type": "shop/wish", "json": {"text": "ham\né"}},
            "raw": {"type": "statefun-actors/bytes", "value": "AAECAw=="},
        },
        "written_ms": {"wishes": 1767225600000, "last": 1767225600000, "raw": 1767225600000},
        "last_call_ms": 1767225600000,
    }
    assert [line["kind"] for line in reported[4:]] == ["message"] * 2 + ["timer"] * 2 + ["egress"] * 2 + ["end"]
    assert reported[8]["value"] == {
        "type": "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord",
        "value": {"topic": "wishes", "key": "ada", "value": '{"text":"tea"}'},
    }
    assert reported[6]["token"] == "later"
    assert reported[6]["from"] == reported[6]["to"] == ["shop/basket", "ada"]
    assert reported[6]["value"] == {"type": "io.statefun.types/long", "value": 5}
    assert reported[-1] == {"kind": "end", "lines": len(lines) - 2}


@pytest.mark.parametrize(
    "value",
    [
        pack(5),
        pack(-(2**63)),
        pack(0.1),
        pack(float("nan")),
        pack(float("-inf")),
        pack("half of it: é\0"),
        pack(b"\xff\0"),
        pack(True),
        TypedValue("io.statefun.types/long", b"no long"),
        TypedValue("io.statefun.types/int", pack(5).value),
        TypedValue("statefun-actors/json", b'{"b":1,"a":1.50,"b":2}'),
        TypedValue("statefun-actors/json", b' {"spaced": 1}'),
        TypedValue("statefun-actors/json", b'{"two":\n1}'),
        TypedValue("statefun-actors/json", b"not JSON"),
        TypedValue("statefun-actors/json", b"12345678901234567890123"),
        TypedValue("a/b", b"{" * 5_000),
        TypedValue("a/b", b"[\xff]"),
        TypedValue("a/b", b""),
        TypedValue("type.googleapis.com/nobody.Knows", b"\x08\x05"),
        record_to_typed(KafkaRecord("topic", b"text")),
        record_to_typed(KafkaRecord("topic", b"\xff", "key")),
        kafka_to_typed(KafkaRecord("", b"")),
        TypedValue(kafka_to_typed(KafkaRecord("", b"")).typename, b"\x1a\x01t\x0a\x01k"),
        TypedValue(kafka_to_typed(KafkaRecord("", b"")).typename, b"\xff"),
        record_to_typed(KinesisRecord("stream", "partition", b"text")),
        record_to_typed(KinesisRecord("stream", "partition", b"\xff", "hash")),
        TypedValue("type.googleapis.com/google.protobuf.Duration", b"\x08\x05"),
        TypedValue("type.googleapis.com/google.protobuf.Duration", b"\x08\x05\x50\x01"),
    ],
    ids=str,
)
def test_a_value_comes_back_to_the_byte(value: TypedValue) -> None:
    form = lines.decode(lines.encode(lines.MessageLine(1, ("a/b", "c"), lines.form(value, {}))))

    assert isinstance(form, lines.MessageLine)
    assert lines.typed(form.value, {}) == value


def test_a_store_that_is_written_meanwhile_is_exported_as_of_one_commit(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    asyncio.run(store.commit(Commit(entities=[entity(f"{n:04}") for n in range(1_200)], next_seq=2)))
    reader = SqliteReader(tmp_path / "store.db")

    with reader.snapshot():
        reported = export_store(reader)
        first = [next(reported) for _ in range(700)]
        asyncio.run(store.commit(Commit(entities=[entity("1100", b"new"), entity("9999")], next_seq=9)))
        rest = list(reported)

    imported([*first, *rest], tmp_path / "copy.db")
    copy = SqliteReader(tmp_path / "copy.db")
    assert copy.counts()["bank/account"] == 1_200
    assert copy.load([Address("bank/account", "1100")]) == [b"packed"]
    for each in (copy, reader, store):
        each.close()


def test_neither_way_keeps_what_has_passed(tmp_path: Path) -> None:
    def large() -> Iterator[bytes]:
        yield b'{"kind":"store","version":1,"next_seq":4000}\n'
        for n in range(4_000):
            yield b'{"kind":"entity","type":"a/b","id":"%05d","packed":"%s"}\n' % (n, b"AAAA" * 1250)
        for n in range(4_000):
            yield b'{"kind":"message","seq":%d,"to":["a/b","c"],"value":{"type":"t/v","base64":"%s"}}\n' % (
                n,
                b"AAAA" * 1250,
            )
        yield b'{"kind":"end","lines":8000}\n'

    tracemalloc.start()
    asyncio.run(import_store(large(), "large.jsonl", tmp_path / "large.db"))
    _, in_import = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    reader = SqliteReader(tmp_path / "large.db")
    size = sum(len(line) for line in export_store(reader))
    _, in_export = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    reader.close()

    assert size > 40_000_000
    assert in_import < 25_000_000
    assert in_export < 5_000_000
