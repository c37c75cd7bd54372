# ruff: noqa: E501 - errors are easier to compare in one piece
"""Lines that are no message: they stop the reading, or are skipped and kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from statefun_actors.connectors.files import BAD_LINES, JsonLinesSink, JsonLinesSource
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.types import codec_for
from statefun_actors.units import DURATION_FORM
from tests.connectors.bank_lines import APP, Counter, line, read, read_to_end

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
