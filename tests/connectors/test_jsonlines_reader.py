"""Lines of a file from any earlier position, and the detection of a file that was changed."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.connectors.files import InputChangedError, InputUnreadableError
from statefun_actors.connectors.files import line_reader as module
from statefun_actors.connectors.files.line_reader import LineOffset, LineReader

PLENTY = 1_000_000


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 7)


def all_lines(reader: LineReader, most: int = 3) -> Iterator[bytes]:
    while lines := reader.peek(most):
        yield from lines
        reader.advance(len(lines))


def place_after(path: Path, lines: int) -> LineOffset:
    reader = LineReader(path, None, PLENTY)
    while lines and (found := reader.peek(lines)):
        reader.advance(len(found))
        lines -= len(found)
    reader.close()
    return reader.place


def rest(path: Path, place: LineOffset | None) -> list[bytes]:
    reader = LineReader(path, place, PLENTY)
    found = list(all_lines(reader))
    reader.close()
    return found


def file(folder: Path, content: bytes, *, packed: bool = False) -> Path:
    path = folder / "in.jsonl"
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def lines_of(content: bytes) -> list[bytes]:
    return content.removesuffix(b"\n").split(b"\n") if content else []


contents = st.lists(st.sampled_from([b"", b"a", b"bc\r", b"d" * 20]), max_size=12).flatmap(
    lambda lines: st.sampled_from([b"\n".join(lines), b"\n".join(lines) + b"\n" if lines else b""])
)


@given(contents, st.integers(1, 5), st.integers(0, 12), st.integers(1, 30), st.booleans())
def test_a_file_is_read_whole_wherever_it_is_taken_up_again(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, most: int, first: int, block: int, packed: bool
) -> None:
    path = file(tmp_path_factory.mktemp("reader"), content, packed=packed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        place = place_after(path, first)
        reader = LineReader(path, place, PLENTY)
        left = list(all_lines(reader, most))
        reader.close()

    expected = lines_of(content)
    assert left == expected[min(first, len(expected)) :]
    assert reader.place.line == len(expected)
    assert reader.place.offset == len(content)
    assert reader.place.unended == (content != b"" and not content.endswith(b"\n"))


@given(contents, st.integers(1, 9), st.integers(1, 30))
def test_a_line_that_is_too_long_is_shown_by_its_beginning_and_passed_over(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, longest: int, block: int
) -> None:
    path = file(tmp_path_factory.mktemp("reader"), content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        reader = LineReader(path, None, longest)
        found = list(all_lines(reader))
        reader.close()

    for shown, line in zip(found, lines_of(content), strict=True):
        assert line.startswith(shown)
        assert shown == line or len(shown) > longest
    assert reader.place == place_after(path, 100)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("packed", [False, True])
def test_lines_after_the_position_may_be_corrected(tmp_path: Path, packed: bool) -> None:
    path = file(tmp_path, b"one\ntwo\nthree\n", packed=packed)
    place = place_after(path, 2)
    file(tmp_path, b"one\ntwo\nfour\nfive\n", packed=packed)

    assert rest(path, place) == [b"four", b"five"]


def test_lines_may_be_added(tmp_path: Path) -> None:
    path = file(tmp_path, b"one\ntwo\n")
    place = place_after(path, 2)
    with path.open("ab") as more:
        more.write(b"three\n")

    assert rest(path, place) == [b"three"]


def test_gzip_files_may_be_joined(tmp_path: Path) -> None:
    path = file(tmp_path, b"one\n", packed=True)
    place = place_after(path, 1)
    with path.open("ab") as more:
        more.write(gzip.compress(b"two\n"))

    assert rest(path, place) == [b"two"]


@pytest.mark.parametrize("more", [b"\n", b"\r\n", b"  \n"])
def test_a_last_line_without_a_newline_may_be_given_one(tmp_path: Path, more: bytes) -> None:
    path = file(tmp_path, b"one\ntwo")
    place = place_after(path, 2)
    with path.open("ab") as file_:
        file_.write(more + b"three\nfour")
    reader = LineReader(path, place, PLENTY)
    found = list(all_lines(reader))
    reader.close()

    assert found == [b"three", b"four"]
    assert reader.place.line == 4


def test_a_file_that_ended_without_a_newline_and_still_does_has_nothing_more(tmp_path: Path) -> None:
    path = file(tmp_path, b"one\ntwo")
    place = place_after(path, 2)

    assert rest(path, place) == []
    assert place_after(path, 2) == place


CHANGES = [
    pytest.param(b"one\ntwo\nthree\n", b"one\n", "it holds 4 bytes, and 8 had been read", id="shorter"),
    pytest.param(b"one\ntwo\nthree\n", b"", "it holds 0 bytes, and 8 had been read", id="empty"),
    pytest.param(b"one\ntwo\nthree\n", b"one\nTWO\nthree\n", "what stands there is something else", id="edited before"),
    pytest.param(b"one\ntwo\nthree\n", b"zero\none\ntwo\nthree\n", "what stands there is something else", id="shifted"),
    pytest.param(b"one\ntwo", b"one\ntwo more\n", "that line, which was its last, goes on", id="last line goes on"),
]


@pytest.mark.parametrize(("before", "after", "found"), CHANGES)
@pytest.mark.parametrize("packed", [False, True])
def test_a_change_in_what_was_read_is_refused(
    tmp_path: Path, before: bytes, after: bytes, found: str, packed: bool
) -> None:
    path = file(tmp_path, before, packed=packed)
    place = place_after(path, 2)
    file(tmp_path, after, packed=packed)

    with pytest.raises(InputChangedError) as caught:
        LineReader(path, place, PLENTY)

    assert str(caught.value) == (
        f"{path} has changed since it was read up to line 2: {found}. Lines may be added at its end; "
        "restore what stood before, or give new content another name to have it read from the start."
    )


def test_a_file_that_is_truncated_while_it_is_read_has_not_ended(tmp_path: Path) -> None:
    path = file(tmp_path, b"x" * 99 + b"\n" + b"y" * 400_000 + b"\n" + b"z\n")
    reader = LineReader(path, None, PLENTY)
    reader.advance(len(reader.peek(1)))
    os.truncate(path, 0)

    with pytest.raises(InputChangedError) as caught:
        list(all_lines(reader))
    reader.close()

    assert str(caught.value) == (
        f"{path} has changed since it was read up to line 1: it was truncated to 0 bytes while it was read, after "
        "262,144 bytes. Lines may be added at its end; restore what stood before, or give new content another name to "
        "have it read from the start."
    )


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-12])


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-6] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(cut_short, "the gzip file ends in the middle"), (damaged, "CRC check failed")],
)
def test_a_damaged_gzip_file_is_read_as_far_as_it_goes(
    tmp_path: Path, damage: Callable[[Path], None], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK", 8_000)
    path = file(tmp_path, b"".join(b"%d\n" % number for number in range(20_000)), packed=True)
    damage(path)
    reader = LineReader(path, None, PLENTY)

    found: list[bytes] = []
    with pytest.raises(InputUnreadableError, match=reason) as caught:
        found.extend(all_lines(reader, 100))
    reader.close()

    assert caught.value.line == reader.line > 10_000
    assert str(caught.value).startswith(f"{path} can't be read after line {reader.line}: ")
    assert str(caught.value).endswith(
        "Replace it by a whole copy and run again: the lines before have been handled and are not read twice."
    )


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # nothing waits for a writer
    with pytest.raises(InputUnreadableError, match=r"pipe can't be read after line 0: it is no regular file\."):
        LineReader(pipe, None, PLENTY)
    with pytest.raises(InputUnreadableError, match=r"gone can't be read after line 0: No such file or directory\."):
        LineReader(tmp_path / "gone", None, PLENTY)
    with pytest.raises(InputUnreadableError, match=r"can't be read after line 0: Is a directory\."):
        LineReader(tmp_path, None, PLENTY)
