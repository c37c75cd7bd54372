"""Lines become a store whole or not at all: each line that makes no sense is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from statefun_actors.admin import BadExportError
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.store.sqlite import SqliteReader
from statefun_actors.testing.checks.common import ADA
from statefun_actors.types import kafka_to_typed
from tests.admin.lines import GOOD, imported, names


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
        (1, {"next_seq": 0}, "expected a `next_seq` of 1 to 72,057,594,037,927,936, got 0"),
        (
            1,
            {"next_seq": (1 << 56) + 1},
            "expected a `next_seq` of 1 to 72,057,594,037,927,936, got 72,057,594,037,927,937",
        ),
        (2, GOOD[0], "expected one line of kind `store`, as the first line"),
        (2, {"kind": "dance"}, "Invalid value 'dance' - at `$.kind`"),
        (2, b'{"kind":"position","name":"in"}', "Object missing required field `position`"),
        (
            2,
            {"name": "paused", "position": "xx"},
            "its position 'paused' must be a list of [type, id or null, milliseconds]: JSON is malformed: invalid "
            "character (byte 0)",
        ),
        (
            2,
            {"name": "paused", "position": '[["bank","ada",1]]'},
            "its position 'paused' must be a list of [type, id or null, milliseconds]: a function type is "
            "<namespace>/<name>: got 'bank'. Write <namespace>/<name>, such as 'bank/account'",
        ),
        (
            2,
            {"name": "partition"},
            "expected no position 'partition': only a partition has it, and gets it from its import",
        ),
        (
            2,
            {"name": "former-callers"},
            "expected no position 'former-callers': only a partition has it, and gets it from its import",
        ),
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
            {"value": {"type": kafka_to_typed(KafkaRecord("", b"")).typename, "value": {"topic": "t"}}},
            "expected one of `value` and `value_base64` in a record",
        ),
        (4, {"seq": 9}, "expected a `seq` below the store's `next_seq`, 9, got 9"),
        (4, {"seq": "3"}, "Expected `int`, got `str` - at `$.seq`"),
        (4, {"to": ["bank/account"]}, "Expected `array` of length 2 - at `$.to`"),
        (4, {"too": 1}, "Object contains unknown field `too`"),
        (5, {"due_ms": 1 << 63}, "Expected `int` <= 9223372036854775807 - at `$.due_ms`"),
        (6, {"seq": 4, "due_ms": 5}, "expected lines of a kind in ascending order, got 5/4 after 5/4"),
        (7, {"request": "abc"}, "expected a `request` such as 17 or, of a partition, 3/17, got 'abc'"),
        (7, {"request": "9" * 5_000}, f"expected a `request` such as 17 or, of a partition, 3/17, got '{'9' * 40}…'"),
        (7, {"request": "\u0663"}, "expected a `request` such as 17 or, of a partition, 3/17, got '\u0663'"),
        (7, {"request": "9"}, "expected a `request` below the store's `next_seq`, 9, got 9"),
        (7, {"request": "1/10"}, "expected a `request` below the store's `next_seq`, 9, got 1/10"),
        (7, {"state": "pending"}, "expected no `result` in the state 'pending'"),
        (7, {"result": None}, "expected a `result` in the state 'replied'"),
        (8, {"lines": 7}, "expected 7 lines before the last one, got 6"),
        (8, b"", "Input data was truncated"),
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
    with pytest.raises(BadExportError, match="line 9: expected nothing after the line of kind `end`"):
        imported([*GOOD, b"\n"], tmp_path / "store.db")


def test_two_timers_of_one_number_are_refused(tmp_path: Path) -> None:
    bad = [*GOOD[:5], GOOD[4].replace(b'"due_ms":5', b'"due_ms":6'), *GOOD[6:]]

    with pytest.raises(BadExportError, match="1 timers have the `seq` of another one"):
        imported(bad, tmp_path / "store.db")
