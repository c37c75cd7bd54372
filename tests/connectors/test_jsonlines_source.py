# ruff: noqa: E501 - errors are easier to compare in one piece
"""A file of JSON lines as an ingress: accepted lines, the errors of refused ones, and resuming."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any, cast

import attrs
import msgspec
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.source_context_pb2 import SourceContext
from hypothesis import example, given
from hypothesis import strategies as st

from statefun_actors import Address, Entity, Settings, TypedValue, handles, message, persisted
from statefun_actors.connectors.files import (
    BAD_LINES,
    BadLineError,
    InputChangedError,
    JsonLinesSink,
    JsonLinesSource,
)
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, Inbox, ManualClock
from statefun_actors.ingress.json_lines import Lines, _quick
from statefun_actors.model import Headers
from statefun_actors.store import MemoryStore
from statefun_actors.types import codec_for
from statefun_actors.units import DURATION_FORM


@message("bank/deposit")
class Deposit:
    cents: int
    tags: list[str] = attrs.field(factory=list)


@message("bank/close")
class Close:
    pass


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> None:
        self.balance += message.cents

    @handles
    def close(self, message: Close) -> None:
        self.balance = 0


class Counter(Entity, typename="bench/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


class Document(Entity, typename="bank/document"):
    name: str = persisted(default="")

    @handles(SourceContext)
    def take(self, message: SourceContext) -> None:
        self.name = message.file_name


class Archive(Entity, typename="bank/archive"):
    count: int = persisted(default=0)

    @handles(AnyMessage)
    def take(self, message: AnyMessage) -> None:
        self.count += 1


class Idle(Entity, typename="bank/idle"):
    pass


APP = Application(Account, Counter, Document, Archive, Idle, settings=Settings(body_limit=300))


class Taken:
    """Stands for an engine: keeps the submitted messages."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, TypedValue, int]] = []
        self.records: list[dict[str, object]] = []

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        headers: Headers | None = None,
        caller: Address | None = None,
    ) -> None:
        self.messages.append((str(target), value, delay_ms))

    def emit(self, egress: str, value: TypedValue, headers: Headers | None = None) -> None:
        assert egress == BAD_LINES
        self.records.append(msgspec.json.decode(value.value, type=dict[str, object]))

    def wake(self) -> None:
        """It is read again anyway."""


def read_to_end(source: JsonLinesSource, most: int = 4) -> tuple[Taken, str | None]:
    """The messages that it submits, and its last position."""
    taken, last = Taken(), None
    while not source.exhausted:
        position = source.read(most, cast("Inbox", taken))
        last = position or last
    return taken, last


def read(path: Path, content: bytes, position: str | None = None) -> tuple[Taken, str | None, BadLineError | None]:
    path.write_bytes(content)
    source = JsonLinesSource(path, APP)
    source.resume(position)
    try:
        taken, last = read_to_end(source)
    finally:
        source.close()
    assert source.error is None or isinstance(source.error, BadLineError)
    return taken, last, source.error


def line(to: str, value: object, **more: object) -> bytes:
    return json.dumps({"to": to, "value": value, **more}).encode() + b"\n"


LONG = "io.statefun.types/long"
MESSAGES = [
    pytest.param(line("bench/counter/a", 5), TypedValue(LONG, codec_for(int).encode(5)), id="the only type"),
    pytest.param(
        line("bench/counter/a", 5, type="io.statefun.types/int"),
        TypedValue(LONG, codec_for(int).encode(5)),
        id="another name of the only type",
    ),
    pytest.param(
        line("bench/counter/a", 5, type=None), TypedValue(LONG, codec_for(int).encode(5)), id="null is no type"
    ),
    pytest.param(
        line("bank/account/a", {"cents": 5}, type="bank/deposit"),
        TypedValue("bank/deposit", b'{"cents":5,"tags":[]}'),
        id="a message class",
    ),
    pytest.param(
        b'{"value": {}, "type": "bank/close", "to": "bank/account/a"}\n',
        TypedValue("bank/close", b"{}"),
        id="any order",
    ),
    pytest.param(
        line("bank/document/a", {"fileName": "x"}),
        TypedValue("type.googleapis.com/google.protobuf.SourceContext", b"\n\x01x"),
        id="protobuf by its JSON form",
    ),
    pytest.param(
        line("bank/archive/a", {"cents": 5}, type="bank/deposit"),
        TypedValue("bank/deposit", b'{"cents":5,"tags":[]}'),
        id="any type: a class that another handler takes",
    ),
    pytest.param(
        line("bank/archive/a", "x", type="io.statefun.types/string"),
        TypedValue("io.statefun.types/string", b"\n\x01x"),
        id="any type: a primitive",
    ),
    pytest.param(
        line("bank/archive/a", "5s", type="type.googleapis.com/google.protobuf.Duration"),
        TypedValue("type.googleapis.com/google.protobuf.Duration", Duration(seconds=5).SerializeToString()),
        id="any type: protobuf that is imported",
    ),
    pytest.param(
        line("bank/archive/a", {"b": [1, None], "a": "x"}, type="statefun-actors/json"),
        TypedValue("statefun-actors/json", b'{"a":"x","b":[1,null]}'),
        id="any type: JSON itself",
    ),
]


@pytest.mark.parametrize(("content", "expected"), MESSAGES)
def test_a_line_becomes_a_message(tmp_path: Path, content: bytes, expected: TypedValue) -> None:
    taken, _, error = read(tmp_path / "in", content)

    assert error is None
    assert [(value, delay) for _, value, delay in taken.messages] == [(expected, 0)]


def test_the_id_is_all_that_follows_the_second_slash(tmp_path: Path) -> None:
    taken, _, _ = read(tmp_path / "in", line("bench/counter/a/b//c", 1) + line("bench/counter//x", 1))

    assert [target for target, _, _ in taken.messages] == ["bench/counter/a/b//c", "bench/counter//x"]


@pytest.mark.parametrize(
    ("after", "ms"), [("PT5S", 5_000), ("PT0.0001S", 1), ("P1DT2H", 93_600_000), ("PT0S", 0), ("P90D", 7_776_000_000), ("5s", 5_000), ("1h30m", 5_400_000),
     (5, 5_000)],
)  # fmt: skip
def test_a_line_may_be_delayed(tmp_path: Path, after: object, ms: int) -> None:
    taken, _, _ = read(tmp_path / "in", line("bench/counter/a", 1, after=after))

    assert [delay for _, _, delay in taken.messages] == [ms]


def test_empty_lines_a_byte_order_mark_and_foreign_line_ends_are_no_trouble(tmp_path: Path) -> None:
    lines = [b"\xef\xbb\xbf" + line("bench/counter/a", 1), b"\n", b"  \t\n"]
    lines += [line("bench/counter/b", 2).replace(b"\n", b"\r\n"), line("bench/counter/c", 3).rstrip()]

    taken, position, error = read(tmp_path / "in", b"".join(lines))

    assert error is None
    assert [target for target, _, _ in taken.messages] == ["bench/counter/a", "bench/counter/b", "bench/counter/c"]
    assert position is not None
    assert json.loads(position)["place"]["line"] == 5


def test_files_with_a_byte_order_mark_may_be_put_behind_each_other(tmp_path: Path) -> None:
    members = [gzip.compress(b"\xef\xbb\xbf" + line("bench/counter/a", number)) for number in (1, 2)]

    taken, _, error = read(tmp_path / "in.gz", b"".join(members))

    assert error is None
    assert [target for target, _, _ in taken.messages] == ["bench/counter/a"] * 2


BAD = [
    (b"\xff\n", "expected UTF-8, got the byte 0xff after 0 others"),
    (b"hello\n", "expected JSON, got hello (Expecting value at column 1)"),
    (b'{"to": "bench/counter/a", "val', 'expected JSON, got {"to": "bench/counter/a", "val (Unterminated string starting at at column 27)'),
    (b'{"to": "bench/counter/a", "value": NaN}', 'expected JSON, got {"to": "bench/counter/a", "value": NaN} (JSON is malformed: invalid character (byte 35))'),
    (b'{"to": "bench/counter/\\ud800", "value": 1}', 'expected JSON, got {"to": "bench/counter/\\ud800", "value": 1} (expected text that UTF-8 can encode, got \'bench/counter/\\ud800\', which holds a lone surrogate - at `$.to`)'),
    (b"[" * 290, "expected JSON, got " + "[" * 80 + "… (Expecting value at column 291)"),
    (b"[1]", 'expected an object, as {"to": "ns/name/id", "value": …}, got [1]'),
    (b'{"to": "bench/counter/a", "to": "bench/counter/b", "value": 1}', 'expected each key once, got "to" twice in one object'),
    (b'{"to": "bank/account/a", "type": "bank/deposit", "value": {"cents": 1, "cents": 2}}', 'expected each key once, got "cents" twice in one object'),
    (b'{"value": 1}', 'expected the keys "to" and "value", got none called "to"'),
    (b'{"to": "bench/counter/a"}', 'expected the keys "to" and "value", got none called "value"'),
    (line("bench/counter/a", 1, key="x"), 'expected no keys but "to", "type", "value", "after", got "key"'),
    (line("bench/counter", 1), 'expected "<namespace>/<name>/<id>", got "bench/counter" - at `$.to`'),
    (line("bench/counter/", 1), 'expected "<namespace>/<name>/<id>", got "bench/counter/" - at `$.to`'),
    (line("bench/counterX", 1), 'expected "<namespace>/<name>/<id>", got "bench/counterX" - at `$.to`'),
    (line("/counter/a", 1), 'expected "<namespace>/<name>/<id>", got "/counter/a" - at `$.to`'),
    (b'{"to": 5, "value": 1}', 'expected "<namespace>/<name>/<id>", got 5 - at `$.to`'),
    (line("bench/count/a", 1), 'expected a function type that is served (bank/account, bank/archive, bank/document, bank/idle, bench/counter), got "bench/count" - at `$.to`'),
    (line("bench/counter/a", 1, type=5), "expected a typename as string, got 5 - at `$.type`"),
    (line("bank/account/a", {}, type="bank/x"), 'expected a type that bank/account takes (bank/close, bank/deposit), got "bank/x" - at `$.type`'),
    (line("bank/account/a", {}), 'expected the key "type", since bank/account takes bank/close and bank/deposit; got none'),
    (line("bank/archive/a", {}), 'expected the key "type", since bank/archive takes messages of any type; got none'),
    (line("bank/idle/a", {}), 'expected the key "type", since bank/idle takes no messages; got none'),
    (line("bank/archive/a", {}, type="fraud/alarm"), "bank/archive takes messages of any type, but 'fraud/alarm' can't be written from JSON here: its class is not known. Import its protobuf module in the application, or add a handler for its class"),
    (line("bench/counter/a", "5"), "expected `int`, got `str` - at `$.value`"),
    (line("bench/counter/a", None), "expected `int`, got `None` - at `$.value`"),
    (line("bench/counter/a", 1 << 63), "expected an int of 64 bits, got 9223372036854775808 - at `$.value`"),
    (line("bank/account/a", {"cents": 5, "tags": ["a", 1]}, type="bank/deposit"), "expected `str`, got `int` - at `$.value.tags[1]`"),
    (line("bank/account/a", {}, type="bank/deposit"), "expected `int`, got nothing - at `$.value.cents`"),
    (line("bench/counter/a", 1, after=-5), f"expected {DURATION_FORM}, got -5 - at `$.after`"),
    (line("bench/counter/a", 1, after="soon"), f'expected {DURATION_FORM}, got "soon" - at `$.after`'),
    (line("bench/counter/a", 1, after="-PT5S"), f'expected {DURATION_FORM}, got "-PT5S" - at `$.after`'),
    (line("bench/counter/" + "a" * 300, 1), "expected a line of at most 300 bytes, got a longer one"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), BAD, ids=range(len(BAD)))
def test_a_line_that_is_no_message_stops_the_reading(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "in.jsonl"
    good = line("bench/counter/a", 1)

    taken, position, error = read(path, good + b"\n" + content.rstrip(b"\n") + b"\n" + good)

    assert str(error) == (
        f"{path}, line 3: {reason}. Correct it and run again: "
        "the lines before it have been handled and are not read twice."
    )
    assert len(taken.messages) == 1
    assert position is not None
    assert json.loads(position)["place"]["line"] == 2


def test_protobuf_says_itself_what_is_wrong_with_its_json(tmp_path: Path) -> None:
    _, _, error = read(tmp_path / "in", line("bank/document/a", {"file": 1}))

    assert error is not None
    assert "expected the JSON form of `SourceContext`, got {'file': 1} (" in error.reason
    assert "\n" not in error.reason
    assert error.reason.endswith(" - at `$.value`")


words = st.sampled_from(["bench/counter/a", "bank/account/b", "bank/archive/c", "bench/counter", "x", "a/b/c", ""])
values = st.one_of(st.integers(), st.text(max_size=3), st.none(), st.fixed_dictionaries({"cents": st.integers()}))
objects = st.dictionaries(st.sampled_from(["to", "value", "type", "after", "key"]), st.one_of(words, values)) | (
    st.fixed_dictionaries(
        {"to": words, "value": values},
        optional={"type": st.sampled_from(["bank/deposit", "io.statefun.types/int", "statefun-actors/json"])},
    )
)


@given(st.lists(objects, max_size=6))
@example([{"to": "bench/counter/a:b", "value": 1}])
@example([{"to": "bank/archive/c", "value": {"a": ":", "b": "\u003a"}, "type": "statefun-actors/json"}])
def test_the_fast_path_of_a_line_has_the_result_of_the_slow_one(objects: list[dict[str, Any]]) -> None:
    lines = Lines(APP)
    for obj in [{"to": "bench/counter/a", "value": 1}, *objects]:
        text = json.dumps(obj).encode()
        try:
            careful = lines._careful(text)
        except Exception:
            careful = None
        quick = _quick(text, lines._known)
        assert quick is None or quick == careful


CONTENT = line("bench/counter/a", 1) + b"\n" + b"what\xff\n" + line("bank/account/a", {}) + line("bench/counter/b", 2)


@pytest.mark.parametrize("most", [1, 2, 100])
def test_bad_lines_can_be_skipped_and_are_kept_with_their_reason(tmp_path: Path, most: int) -> None:
    path = tmp_path / "in"
    path.write_bytes(CONTENT + b"x" * 2_000 + b"\n" + line("bench/counter/c", 3) + b"y" * 2_000)
    source = JsonLinesSource(path, APP, skip_bad_lines=True)
    source.resume(None)

    taken, position = read_to_end(source, most)
    source.close()

    assert [target for target, _, _ in taken.messages] == ["bench/counter/a", "bench/counter/b", "bench/counter/c"]
    too_long = "expected a line of at most 300 bytes, got a longer one"
    assert taken.records == [
        {
            "file": str(path),
            "line": 3,
            "reason": "expected UTF-8, got the byte 0xff after 4 others",
            "text_base64": "d2hhdP8=",
        },
        {
            "file": str(path),
            "line": 4,
            "reason": 'expected the key "type", since bank/account takes bank/close and bank/deposit; got none',
            "text": '{"to": "bank/account/a", "value": {}}',
        },
        {"file": str(path), "line": 6, "reason": too_long, "text": "x" * 1_000, "cut": True},
        {"file": str(path), "line": 8, "reason": too_long, "text": "y" * 1_000, "cut": True},
    ]
    assert (source.messages, source.skipped, source.line) == (3, 4, 8)
    assert position is not None
    assert json.loads(position)["skipped"] == 4


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("first", [1, 3])
def test_it_goes_on_after_the_position(tmp_path: Path, first: int, packed: bool) -> None:
    path = tmp_path / "in"
    content = b"".join(line("bench/counter/a", number) for number in range(10))
    path.write_bytes(gzip.compress(content) if packed else content)
    source = JsonLinesSource(path, APP)
    source.resume(None)
    before = Taken()
    position = source.read(first, cast("Inbox", before))

    source.resume(position)
    after, _ = read_to_end(source)
    source.close()

    numbers = [codec_for(int).decode(value.value) for _, value, _ in before.messages + after.messages]
    assert numbers == list(range(10))
    assert (source.messages, source.line) == (10, 10)


def test_it_goes_on_once_the_bad_line_has_been_corrected(tmp_path: Path) -> None:
    path = tmp_path / "in"
    _, position, error = read(path, line("bench/counter/a", 1) + b"bad\n")
    assert error is not None

    taken, _, error = read(path, line("bench/counter/a", 1) + line("bench/counter/b", 2), position)

    assert error is None
    assert [target for target, _, _ in taken.messages] == ["bench/counter/b"]


def test_another_file_in_its_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in"
    _, position, _ = read(path, line("bench/counter/a", 1))

    with pytest.raises(InputChangedError):
        read(path, line("bench/counter/a", 2), position)


async def test_lines_before_a_bad_line_are_handled_and_committed(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(line("bench/counter/a", 1) * 700 + b"bad\n" + line("bench/counter/a", 1))
    stopped: list[int] = []
    source = JsonLinesSource(path, APP, on_stopped=lambda: stopped.append(1))
    store = MemoryStore()
    engine = Engine(APP, store, ManualClock(), sources={"in": source})
    running = asyncio.create_task(engine.run())

    await engine.idle()
    await engine.stop()
    await running
    source.close()

    assert str(source.error).startswith(f"{path}, line 701: expected JSON, got bad")
    assert stopped == [1]
    total = engine.view.state(Counter.at("a"))["total"]
    assert total is not None
    assert codec_for(int).decode(total.value) == 700
    assert json.loads(store.recover().positions["source:in"])["place"]["line"] == 700


async def test_skipped_lines_are_in_their_file_once(tmp_path: Path) -> None:
    path, skipped = tmp_path / "in", tmp_path / "bad.jsonl"
    path.write_bytes(CONTENT)
    source = JsonLinesSource(path, APP, skip_bad_lines=True)
    sink = JsonLinesSink(skipped, line=lambda value: value.value)
    engine = Engine(APP, MemoryStore(), ManualClock(), sources={"in": source}, sinks={BAD_LINES: sink})
    running = asyncio.create_task(engine.run())

    await engine.idle()
    await engine.stop()
    await running
    source.close()
    sink.close()

    assert [json.loads(text)["line"] for text in skipped.read_text().splitlines()] == [3, 4]
