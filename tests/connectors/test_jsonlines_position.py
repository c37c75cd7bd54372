"""Reading of a file goes on after its position."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import cast

import pytest

from statefun_actors.connectors.files import InputChangedError, JsonLinesSource
from statefun_actors.engine import Inbox
from statefun_actors.types import codec_for
from tests.connectors.bank_lines import APP, Taken, line, read, read_to_end


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
