"""A store becomes lines, and lines become the same store, all of them or none."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statefun_actors import Address, Entity, handles, kafka_record, message, persisted
from statefun_actors.admin import BadExportError, StoreNotEmptyError, export_store, import_store, known_codecs
from statefun_actors.admin.portable import lines
from statefun_actors.dispatch import Application
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.store import Commit, EntityRow, MemoryStore, StoreError
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from statefun_actors.store.sqlite.schema import STEPS, migrate
from statefun_actors.testing import TestRuntime
from statefun_actors.testing.checks.common import ADA, entity
from statefun_actors.types import pack, record_to_typed
from tests.cli.commands import wait_until
from tests.store.store_checks import answers, commits
from tests.store.test_stores import IN_MEMORY

START = datetime(2026, 1, 1, tzinfo=UTC)


@message("shop/wish")
class Wish:
    text: str


class Basket(Entity, typename="shop/basket"):
    total: int = persisted(default=0)
    wishes: list[str] = persisted(factory=list, expire_after_write=timedelta(days=1))
    last: Wish | None = persisted(default=None)
    raw: bytes = persisted(default=b"")

    @handles
    def wish(self, message: Wish) -> None:
        self.wishes.append(message.text)
        self.last = message
        self.raw = bytes(range(4))
        self.send(Address("elsewhere/audit", self.id), message)
        self.send_after(timedelta(days=2), self.address, 5, cancellation_token="later")
        self.send_egress("shop/wishes", kafka_record(topic="wishes", key=self.id, value=message))

    @handles
    def take(self, message: int) -> None:
        raise ValueError("sold out")


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


def names(folder: Path) -> list[str]:
    """The files in *folder*, except SQLite's own, which a reader of a store leaves behind empty."""
    return sorted(file.name for file in folder.iterdir() if file.suffix not in {".db-wal", ".db-shm"})


def imported(lines: list[bytes], path: Path, *, replace: bool = False, app: bool = False) -> dict[str, int]:
    known = known_codecs(Application(Basket)) if app else None
    return asyncio.run(import_store(lines, "shop.jsonl", path, known, replace=replace))


# What is exported and imported is the same


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
    reported = [line for line in lines if not line.get("name", "").startswith("shape:")]

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
        record_to_typed(KafkaRecord("", b"")),
        TypedValue(record_to_typed(KafkaRecord("", b"")).typename, b"\x1a\x01t\x0a\x01k"),
        TypedValue(record_to_typed(KafkaRecord("", b"")).typename, b"\xff"),
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


# In bounded memory


def test_neither_way_keeps_what_has_passed(tmp_path: Path) -> None:
    def large() -> Iterator[bytes]:
        yield b'{"kind":"store","version":1,"next_seq":10000}\n'
        for n in range(10_000):
            yield b'{"kind":"entity","type":"a/b","id":"%05d","packed":"%s"}\n' % (n, b"AAAA" * 500)
        for n in range(10_000):
            yield b'{"kind":"message","seq":%d,"to":["a/b","c"],"value":{"type":"t/v","base64":"%s"}}\n' % (
                n,
                b"AAAA" * 500,
            )
        yield b'{"kind":"end","lines":20000}\n'

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


# Whole or not at all


GOOD = [
    b'{"kind":"store","version":1,"next_seq":9}\n',
    b'{"kind":"position","name":"in","position":"3"}\n',
    b'{"kind":"entity","type":"bank/account","id":"ada","packed":"eA=="}\n',
    b'{"kind":"message","seq":3,"to":["bank/account","ada"],"value":{"type":"bank/deposit","json":{"cents":5}}}\n',
    b'{"kind":"timer","seq":4,"due_ms":5,"to":["bank/account","ada"],"value":{"type":"t/v","base64":""}}\n',
    b'{"kind":"timer","seq":5,"due_ms":6,"to":["bank/account","ada"],"value":{"type":"t/v","base64":""}}\n',
    b'{"kind":"end","lines":5}\n',
]


def test_lines_written_by_hand_are_a_store(tmp_path: Path) -> None:
    assert imported(GOOD, tmp_path / "new folder" / "store.db") == {
        "messages": 1,
        "timers": 2,
        "egress": 0,
        "dead_letters": 0,
        "bank/account": 1,
    }
    store = SqliteReader(tmp_path / "new folder" / "store.db")
    assert [message.value for message in store.messages()] == [TypedValue("bank/deposit", b'{"cents":5}')]
    assert store.load([ADA]) == [b"x"]
    store.close()
    assert names(tmp_path / "new folder") == ["store.db", "store.db.lock"]


@pytest.mark.parametrize(
    ("line", "change", "reported"),
    [
        (1, b"{", "Input data was truncated"),
        (1, b'{"kind":"end","lines":0}', "expected one line of kind `store`, as the first line"),
        (
            1,
            {"version": 2},
            "expected version 1 of the format, got 2: another version of statefun-actors wrote it, and can read it",
        ),
        (1, {"next_seq": 0}, "expected a `next_seq` of 1 or more"),
        (2, GOOD[0], "expected one line of kind `store`, as the first line"),
        (2, {"kind": "dance"}, "Invalid value 'dance' - at `$.kind`"),
        (2, b'{"kind":"position","name":"in"}', "Object missing required field `position`"),
        (3, b"\xff", "JSON is malformed: invalid character (byte 0)"),
        (3, b'{"kind":"entity","type":"bank/account","id":"\xff"}', "expected UTF-8, got the byte 0xff"),
        (
            3,
            {"type": "bank"},
            "a function type is <namespace>/<name>: got 'bank'. Write <namespace>/<name>, such as 'bank/account'",
        ),
        (
            3,
            b'{"kind":"entity","type":"bank/account","id":"ada"}',
            "expected an entity with a `state`; one without any is not kept",
        ),
        (4, {"value": {"type": "t/v"}}, "expected one of `json`, `value` and `base64` in a value, got 0 of them"),
        (
            4,
            {"value": {"type": "t/v", "value": 5}},
            "t/v can't be read here: its class is not known. Give the APP that has it",
        ),
        (4, {"value": {"type": "io.statefun.types/long", "value": "5"}}, "expected `int`, got `str`"),
        (4, {"value": {"type": "t/v", "base64": "_"}}, "Invalid base64 encoded string - at `$.value.base64`"),
        (
            4,
            {"value": {"type": record_to_typed(KafkaRecord("", b"")).typename, "value": {"topic": "t"}}},
            "expected one of `value` and `value_base64` in a record",
        ),
        (4, {"seq": 9}, "expected a `seq` below the store's `next_seq`, 9, got 9"),
        (4, {"seq": "3"}, "Expected `int`, got `str` - at `$.seq`"),
        (4, {"to": ["bank/account"]}, "Expected `array` of length 2 - at `$.to`"),
        (4, {"too": 1}, "Object contains unknown field `too`"),
        (5, {"due_ms": 1 << 63}, "Expected `int` <= 9223372036854775807 - at `$.due_ms`"),
        (6, {"seq": 4, "due_ms": 5}, "expected lines of a kind in ascending order, got 5/4 after 5/4"),
        (7, {"lines": 6}, "expected 6 lines before the last one, got 5"),
        (7, b"", "Input data was truncated"),
    ],
    ids=str,
)
def test_a_line_that_makes_no_sense_is_named_and_nothing_is_imported(
    tmp_path: Path, line: int, change: bytes | dict[str, object], reported: str
) -> None:
    text = change if isinstance(change, bytes) else json.dumps(json.loads(GOOD[line - 1]) | change).encode()
    bad = [*GOOD[: line - 1], text + b"\n", *GOOD[line:]]
    imported(GOOD, tmp_path / "store.db")
    before = (tmp_path / "store.db").read_bytes()

    for target in (tmp_path / "new.db", tmp_path / "store.db"):
        with pytest.raises(BadExportError) as refused:
            imported(bad, target, replace=True)
        assert str(refused.value) == f"shop.jsonl, line {line}: {reported}. Nothing was imported."

    assert (tmp_path / "store.db").read_bytes() == before
    assert names(tmp_path) == ["new.db.lock", "store.db", "store.db.lock"]


@pytest.mark.parametrize("count", range(len(GOOD)))
def test_a_file_that_was_cut_short_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(BadExportError) as refused:
        imported(GOOD[:count], tmp_path / "store.db")

    assert str(refused.value) == (
        f"shop.jsonl, line {count + 1}: expected a line of kind `end` as the last one, got the end of the file: it was "
        "cut short. Nothing was imported."
    )
    assert not (tmp_path / "store.db").exists()


def test_a_file_with_more_than_it_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadExportError, match="line 8: expected nothing after the line of kind `end`"):
        imported([*GOOD, b"\n"], tmp_path / "store.db")


def test_two_timers_of_one_number_are_refused(tmp_path: Path) -> None:
    bad = [*GOOD[:5], GOOD[4].replace(b'"due_ms":5', b'"due_ms":6'), GOOD[6]]

    with pytest.raises(BadExportError, match="1 timers have the `seq` of another one"):
        imported(bad, tmp_path / "store.db")


def test_a_store_with_data_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    asyncio.run(store.commit(Commit(entities=[EntityRow(ADA, b"old")], positions={"a": "b"}, next_seq=50)))
    with pytest.raises(StoreError, match="it is in use by process"):
        imported(GOOD, path, replace=True)
    store.close()

    with pytest.raises(StoreNotEmptyError) as refused:
        imported(GOOD, path)

    assert str(refused.value) == (
        f"store {path}: it holds 1 entities, 1 positions already. Nothing was imported. "
        "Choose another store, or add --replace."
    )
    imported(GOOD, path, replace=True)
    again = SqliteStore(path)
    assert again.load([ADA]) == [b"x"]
    assert again.recover().next_seq == 9
    again.close()


def test_an_empty_store_may_be_filled(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "store.db").close()
    (tmp_path / "empty.db").touch()

    imported(GOOD, tmp_path / "store.db")
    imported(GOOD, tmp_path / "empty.db")


def test_a_file_that_is_no_store_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary, " * 100)

    with pytest.raises(StoreError, match="the file is not a SQLite database"):
        imported(GOOD, tmp_path / "diary.txt", replace=True)

    assert (tmp_path / "diary.txt").read_text() == "Dear diary, " * 100


def test_an_import_that_was_killed_leaves_no_store_and_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    script = (
        "import asyncio, sys, pathlib; from statefun_actors.admin import import_store; "
        "asyncio.run(import_store(sys.stdin.buffer, 'x', pathlib.Path(sys.argv[1])))"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.writelines(GOOD[:1])
        for number in range(5_000):
            importing.stdin.write(GOOD[2].replace(b"ada", b"%06d" % number))
        importing.stdin.flush()
        wait_until(lambda: any("importing" in file.name for file in tmp_path.iterdir()), "it has begun")
        importing.kill()
    assert not path.exists()

    imported(GOOD, path)

    assert names(tmp_path) == ["store.db", "store.db.lock"]


def test_a_store_of_an_earlier_version_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, 0, STEPS[:1])
    db.execute("INSERT INTO position VALUES ('in', '3')")
    db.close()

    with pytest.raises(StoreNotEmptyError, match="it holds 1 positions already"):
        imported(GOOD, path)

    imported(GOOD, path, replace=True)
    SqliteReader(path).close()
