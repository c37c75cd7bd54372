# ruff: noqa: E501 - errors are easier to compare in one piece
"""Lines of JSON become messages."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import example, given
from hypothesis import strategies as st

from statefun_actors import TypedValue
from statefun_actors.ingress.json_lines import Lines, _quick
from statefun_actors.types import codec_for
from tests.connectors.bank_lines import APP, line, read

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
