"""Records on standard output: whole lines, however often the descriptor takes no more."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from statefun_actors import Entity, handles
from statefun_actors.connectors import FileTarget, StdoutSink, StdoutTarget, Target, read_target
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
        async with running(Sender, sinks={OUT: StdoutSink(file=write)}) as engine:
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
