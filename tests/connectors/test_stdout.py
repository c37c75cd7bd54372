"""Records on standard output: whole lines, however often the descriptor takes no more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path

import pytest

from statefun_actors import Entity, handles
from statefun_actors.connectors import FileTarget, LineOutput, StdoutSink, StdoutTarget, Target, read_target
from statefun_actors.types import pack
from tests.engine.engines import running, send, until

OUT = "test/out"


class Sender(Entity, typename="test/sender"):
    @handles
    def send_out(self, message: int) -> None:
        self.send_egress(OUT, f"{message}" * 40_000)


async def test_a_line_that_was_written_in_part_is_completed_by_the_next_attempt() -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)  # so that a full pipe is an error, after a part of a line
    got = b""
    try:
        async with running(Sender, sinks={OUT: StdoutSink(output=LineOutput(write))}) as engine:
            for number in range(1, 6):
                send(engine, Sender.at("a"), pack(number))
            await until(lambda: engine.view.failing_egress)
            while got.count(b"\n") < 5:
                got += await asyncio.to_thread(os.read, read, 1 << 20)
    finally:
        os.close(read)
        os.close(write)

    assert [json.loads(line)["value"][0] for line in got.splitlines()] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("-", StdoutTarget()),
        ("/dev/stdout", StdoutTarget()),
        ("/dev/fd/1", StdoutTarget()),
        ("out.jsonl", FileTarget(Path("out.jsonl"))),
    ],
)
def test_standard_output_is_one_target_however_it_is_written(text: str, target: Target) -> None:
    assert read_target(text, {}) == target


class Pipe:
    """A pipe that takes a few kilobytes at once; then it is full, which is an error."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        os.set_blocking(self.read, False)
        os.set_blocking(self.write, False)
        self.got = b""

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.read)
        os.close(self.write)

    def drain(self) -> list[bytes]:
        """All lines so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.got += os.read(self.read, 1 << 20)
        return self.got.splitlines(keepends=True)


def test_other_lines_follow_a_line_that_was_written_in_part_once_that_is_whole() -> None:
    """As after a crash of a partition, when records are repeated that were printed before the failed ones."""
    before, large, after = b"before\n", b"1" * 100_000 + b"\n", b"2" * 10 + b"\n"
    with Pipe() as pipe:
        output = LineOutput(pipe.write)
        output.write(before)
        with pytest.raises(BlockingIOError):
            output.write(large + after)
        pipe.drain()
        output.write(before)
        assert pipe.drain() == [before, large, before]
        output.write(after)
        assert pipe.drain() == [before, large, before, after]


def test_a_line_whose_end_was_written_is_not_completed() -> None:
    """Writing has failed right behind a line, as it does where a disk has no space left."""
    with Pipe() as pipe:
        size = os.write(pipe.write, b"x" * (1 << 20))
        pipe.drain()
        line = b"1" * (size - 1) + b"\n"
        output = LineOutput(pipe.write)
        with pytest.raises(BlockingIOError):
            output.write(line + b"2\n")
        pipe.got = b""
        pipe.drain()
        output.write(b"3\n")
        assert pipe.drain() == [line, b"3\n"]
