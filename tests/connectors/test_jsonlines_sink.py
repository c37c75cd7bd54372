"""Egress records in a file: each once, also after crashes and failed writes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from statefun_actors import Entity, handles, persisted
from statefun_actors.connectors.files import EgressFileError, JsonLinesSink
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store import EgressRecord, MemoryStore
from statefun_actors.types import pack
from tests.engine.engines import send


def records(*values: object) -> list[EgressRecord]:
    return [EgressRecord(seq, "bank/out", pack(value)) for seq, value in enumerate(values)]


def values(path: Path) -> list[object]:
    return [json.loads(line)["value"] for line in path.read_text().splitlines()]


def sink_at(path: Path, position: str | None) -> JsonLinesSink:
    sink = JsonLinesSink(path)
    sink.resume(position)
    return sink


@pytest.mark.parametrize("torn", range(1, 45))
async def test_bytes_after_the_position_are_completed(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "deep" / "down" / "out.jsonl"
    sink = JsonLinesSink(path)
    assert sink.resume(None) is not None
    position = await sink.write(records(1, 2))
    await sink.write(records(3))
    sink.close()
    os.truncate(path, 88 + torn)

    sink = JsonLinesSink(path)
    begun = sink.resume(position)
    await sink.write(records(3, 4))
    sink.close()

    assert begun is None
    assert values(path) == [1, 2, 3, 4]
    assert sink.records == 4


async def test_several_writes_after_the_position_are_found_again_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = sink_at(path, None)
    position = await sink.write(records(1))
    await sink.write(records(2, 3))
    await sink.write(records(4))
    sink.close()

    sink = sink_at(path, position)
    await sink.write(records(2))
    await sink.write(records(3))
    await sink.write(records(4, 5))
    sink.close()

    assert values(path) == [1, 2, 3, 4, 5]


async def test_a_length_that_was_noted_without_the_bytes_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = sink_at(path, None)
    position = await sink.write(records(1))
    sink.close()
    os.truncate(path, 44 + 10_000)  # as a file system may leave it after a power failure

    sink = sink_at(path, position)
    await sink.write(records(2))
    sink.close()

    assert values(path) == [1, 2]


@pytest.mark.parametrize("before", ['{"value":0}\n', '{"value":0}'], ids=["whole lines", "no newline at the end"])
async def test_earlier_content_of_the_file_survives_a_crash_before_the_first_commit(
    tmp_path: Path, before: str
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text(before)
    first = JsonLinesSink(path)
    position = first.resume(None)
    await first.write(records(1))
    first.close()

    sink = sink_at(path, position)
    await sink.write(records(1))
    sink.close()

    assert values(path) == [0, 1]


async def test_another_file_is_begun_where_it_ends(tmp_path: Path) -> None:
    sink = sink_at(tmp_path / "old.jsonl", None)
    position = await sink.write(records(1, 2, 3))
    sink.close()

    other = JsonLinesSink(tmp_path / "new.jsonl")
    begun = other.resume(position)
    await other.write(records(4))
    other.close()

    assert begun is not None
    assert values(tmp_path / "old.jsonl") == [1, 2, 3]
    assert values(tmp_path / "new.jsonl") == [4]


async def test_after_a_target_of_another_kind_a_file_is_begun_where_it_ends(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text('{"value":1}\n')

    sink = JsonLinesSink(tmp_path / "out.jsonl")
    begun = sink.resume('{"http":"5f0d"}')
    await sink.write(records(2))
    sink.close()

    assert begun is not None
    assert values(tmp_path / "out.jsonl") == [1, 2]


async def test_a_write_that_fails_half_way_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.jsonl"
    sink = sink_at(path, None)
    await sink.write(records(1))
    really = os.write

    def half(file: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(28, "No space left on device")
        return really(file, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            await sink.write(records(2, 3, 4, 5))
    assert values(path) == [1]

    await sink.write(records(2))
    sink.close()

    assert values(path) == [1, 2]


async def test_records_count_as_written_only_once_they_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.jsonl"
    sink = sink_at(path, None)
    await sink.write(records(1))

    def failing(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        for name in ("fsync", "fdatasync"):
            patch.setattr(os, name, failing, raising=False)
        with pytest.raises(OSError, match="Input/output error"):
            await sink.write(records(2))
    await sink.write(records(2))
    sink.close()

    assert values(path) == [1, 2]


def test_two_runs_can_not_write_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLinesSink(path)
    try:
        with pytest.raises(EgressFileError) as caught:
            JsonLinesSink(path)
    finally:
        sink.close()

    assert (
        str(caught.value)
        == f"{path}: another run, or another egress of this one, is writing to it. Choose another file."
    )


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EgressFileError, match="Is a directory"):
        JsonLinesSink(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(EgressFileError, match="it is no regular file"):
        JsonLinesSink(pipe)


class Sender(Entity, typename="bank/sender"):
    count: int = persisted(default=0)

    @handles
    def send_out(self, message: int) -> None:
        self.count += 1
        self.send_egress("bank/out", message)


APP = Application(Sender)


async def run(store: MemoryStore, sink: JsonLinesSink | None, messages: Sequence[int] = ()) -> None:
    """Handle *messages* and stop."""
    engine = Engine(APP, store, ManualClock(), sinks={} if sink is None else {"bank/out": sink})
    running = asyncio.create_task(engine.run())
    for number in messages:
        send(engine, Sender.at("a"), pack(number))
    await engine.idle()
    await engine.stop()
    await running
    if sink is not None:
        sink.close()


async def test_records_kept_in_the_store_are_written_once_there_is_a_file(tmp_path: Path) -> None:
    path, store = tmp_path / "out.jsonl", MemoryStore()
    await run(store, None, [1, 2])

    await run(store, JsonLinesSink(path))
    await run(store, JsonLinesSink(path), [3])

    assert values(path) == [1, 2, 3]
    assert store.counts()["egress"] == 0


async def test_records_that_could_not_be_written_are_kept_and_written_by_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = tmp_path / "out.jsonl", MemoryStore()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        await run(store, JsonLinesSink(path), [1, 2])
    assert store.counts()["egress"] == 2

    await run(store, JsonLinesSink(path))

    assert values(path) == [1, 2]
    assert store.counts()["egress"] == 0
