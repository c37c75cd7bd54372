"""The lines of a file for one of several partitions: each line is read by one of them, in order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.connectors.files import InputChangedError
from statefun_actors.connectors.files.line_reader import LineOffset
from statefun_actors.connectors.files.line_share import LineShare
from statefun_actors.partitions import Partition, partition_of

SERVED = frozenset({"a/b"})
LONGEST = 100


def message(id: int, value: int = 0, to: str = "a/b") -> bytes:
    return json.dumps({"to": f"{to}/{id}", "value": value}).encode()


def share(file: Path, own: int, count: int = 2, place: LineOffset | None = None, *, skips: bool = False) -> LineShare:
    return LineShare(file, place, LONGEST, Partition(own, count), None if skips else SERVED)


def taken(lines: LineShare, most: int = 3) -> list[tuple[int, bytes]]:
    """The lines that are left, with their numbers in the file."""
    found: list[tuple[int, bytes]] = []
    while (batch := lines.peek(most)) or not lines.at_end:
        for line in batch:
            found.append((lines.next_number, line))
            lines.advance(1)
    lines.close()
    return found


LINES = st.lists(
    st.one_of(
        st.builds(message, st.integers(0, 9), st.integers(0, 9)),
        st.sampled_from([b"", b"  ", b"{", b"[]", b'{"value": 1}', b"\xef\xbb\xbf" + message(1), b"x" * 300, b"\xff"]),
    ),
    max_size=30,
)


@given(LINES, st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_each_line_is_read_by_one_partition_in_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], count: int, most: int, ended: bool
) -> None:
    file = tmp_path_factory.mktemp("share") / "in.jsonl"
    file.write_bytes(b"\n".join(lines) + (b"\n" if lines and ended else b""))
    shares = [taken(share(file, own, count, skips=True), most) for own in range(count)]
    there = [line[: LONGEST + 1] for line in file.read_bytes().split(b"\n")]
    if not there[-1]:
        there.pop()  # the end of the last line
    found = sorted(line for each in shares for line in each)
    assert [(number, line[: LONGEST + 1]) for number, line in found] == list(enumerate(there, 1))
    assert all(each == sorted(each) for each in shares)
    targets = [{json.loads(line)["to"] for _, line in each if line.startswith(b'{"to"')} for each in shares]
    assert sum(map(len, targets)) == len(set().union(*targets))


@given(LINES, st.integers(0, 30))
def test_a_share_resumes_where_it_was(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], at: int) -> None:
    file = tmp_path_factory.mktemp("share") / "in.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    for own in range(2):
        reader = share(file, own, skips=True)
        begun: list[bytes] = []
        while len(begun) < at and ((batch := reader.peek(1)) or not reader.at_end):
            begun += batch
            if batch:
                reader.advance(1)
        place = reader.place
        reader.close()
        rest = [line for _, line in taken(share(file, own, place=place, skips=True))]
        assert begun + rest == [line for _, line in taken(share(file, own, skips=True))]


@pytest.mark.parametrize(
    "bad", [b"{", b'{"value": 1}', b'{"to": "a/b", "value": 1}', b'{"to": "a/b/", "value": 1}', message(1, to="a/bb")]
)
def test_all_partitions_stop_at_a_line_that_may_be_for_any(tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(b"\n".join([message(id) for id in range(10)] + [bad] + [message(id) for id in range(10)]))
    shares = [[number for number, _ in taken(share(file, own))] for own in range(3)]
    assert all(11 in each for each in shares)
    assert sorted(number for each in shares for number in each if number < 11) == list(range(1, 11))


def ids(own: int) -> list[int]:
    """The ids below ten of entities that are in partition *own* of two."""
    return [id for id in range(10) if partition_of(Address("a/b", str(id)), 2) == own]


def test_a_line_before_its_position_may_be_corrected_by_the_partition_that_has_not_read_it(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    mine, other = ids(0)[0], ids(1)[0]
    file.write_bytes(b"\n".join([message(other), message(mine), message(other, 1)]) + b"\n")
    reader = share(file, 0)
    assert reader.peek(9) == [message(mine)]
    reader.advance(1)
    reader.close()
    file.write_bytes(b"\n".join([message(other, 1000), message(mine), message(other), message(mine, 2)]) + b"\n")
    assert taken(share(file, 0, place=reader.place)) == [(4, message(mine, 2))]


def test_a_line_that_was_read_may_not_change(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    mine, other = ids(0)[0], ids(1)[0]
    file.write_bytes(b"\n".join([message(mine), message(other), message(mine, 1)]) + b"\n")
    reader = share(file, 0)
    reader.advance(len(reader.peek(9)))
    reader.close()
    again = (
        "Lines may be added at its end; restore what stood before, or give new content another name to have it read "
        "from the start."
    )
    file.write_bytes(b"\n".join([message(mine, 5), message(other), message(mine, 1)]) + b"\n")
    with pytest.raises(InputChangedError) as changed:
        share(file, 0, place=reader.place)
    assert str(changed.value) == (
        f"{file} has changed since it was read up to line 3: what stands there for partition 0 of 2 is something else "
        f"(a line that was corrected must keep its target; otherwise move it to the end). {again}"
    )
    file.write_bytes(message(mine) + b"\n")
    with pytest.raises(InputChangedError) as shorter:
        share(file, 0, place=reader.place)
    assert str(shorter.value) == (
        f"{file} has changed since it was read up to line 3: it holds 1 lines for partition 0 of 2, and 2 had been "
        f"read. {again}"
    )
