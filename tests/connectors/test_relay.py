"""Standard output that another process prints."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors.connectors import LineOutput, OutputRelay, RelayedOutput
from statefun_actors.system import listen_at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What was printed."""
    return tmp_path / "printed"


@pytest.fixture
def path(tmp_path: Path, file: Path) -> Generator[Path]:
    """The socket of a relay that prints to *file*."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    relay = OutputRelay(listen_at(tmp_path / "output"), LineOutput(descriptor))
    yield tmp_path / "output"
    relay.close(10.0)
    os.close(descriptor)


def test_lines_are_printed_before_write_returns(path: Path, file: Path) -> None:
    lines = b"1" * 1_000_000 + b"\n"
    with closing(RelayedOutput(path)) as first, closing(RelayedOutput(path)) as second:
        first.write(lines)
        second.write(b"2\n")
    assert file.read_bytes() == lines + b"2\n"


def test_lines_of_a_process_that_ends_while_it_sends_them_are_not_printed(path: Path, file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall((100).to_bytes(8, "big") + b'{"type":"te')
    with closing(RelayedOutput(path)) as output:
        output.write(b"whole\n")
    assert file.read_bytes() == b"whole\n"


def test_the_reader_that_has_gone_is_the_same_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    relay = OutputRelay(listen_at(tmp_path / "output"), LineOutput(write))
    with closing(RelayedOutput(tmp_path / "output")) as output:
        output.write(b"1\n")
        os.close(read)
        with pytest.raises(BrokenPipeError):
            output.write(b"2\n")
    relay.close(10.0)
    os.close(write)


def test_a_relay_that_has_gone_is_another_error_and_the_next_one_is_found(tmp_path: Path) -> None:
    path, file = tmp_path / "output", tmp_path / "printed"
    output = RelayedOutput(path)
    with pytest.raises(OSError, match="can't be reached: ") as raised:
        output.write(b"1\n")
    assert raised.value.errno == errno.EIO
    with closing(output), file.open("wb", buffering=0) as printed:
        relay = OutputRelay(listen_at(path), LineOutput(printed.fileno()))
        output.write(b"1\n")
        relay.close(10.0)
    assert file.read_bytes() == b"1\n"
