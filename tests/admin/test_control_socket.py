"""The socket of a running engine: its place, its rights, its requests and its end."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from statefun_actors.admin import (
    ControlSocket,
    ControlSocketError,
    DeadLetterRetry,
    EngineControl,
    SocketControl,
    open_control,
)
from statefun_actors.engine import SystemClock
from statefun_actors.store.sqlite import SqliteReader, SqliteStore
from tests.admin.counted import Counter, engine_with_door
from tests.engine.engines import running

MAYBE = "The change may or may not have been made: check before you repeat it."
READ = "This request changes nothing: try again."


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_the_socket_is_next_to_the_store_for_this_user_alone_and_ends_with_its_engine(tmp_path: Path) -> None:
    async with engine_with_door(tmp_path / "store.db") as door:
        assert door.path == tmp_path / "store.db.sock"
        assert stat.S_IMODE(door.path.stat().st_mode) == 0o600
        assert f"door {door.path}\n" in (tmp_path / "store.db.lock").read_text()

    assert left_in(tmp_path) == ["store.db", "store.db.lock"]


@pytest.mark.parametrize("name", ["deep " * 40, "two\nlines"])
async def test_where_the_name_of_a_socket_ends_the_lock_file_says_where_it_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    async with engine_with_door(folder / "store.db") as door:
        control = await open_control(folder / "store.db")
        await control.discard([2])
        await control.close()

        assert len(str(door.path)) < 100
        assert stat.S_IMODE(door.path.parent.stat().st_mode) == 0o700
        assert [entry.seq for entry in SqliteReader(folder / "store.db").dead_letters()] == [4, 6]
    assert not door.path.parent.exists()


async def test_a_socket_that_a_killed_engine_left_is_no_obstacle(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "store.db.sock"))
    left.close()
    async with engine_with_door(tmp_path / "store.db"):
        control = await open_control(tmp_path / "store.db")
        await control.discard([2])
        await control.close()


async def test_a_person_can_talk_to_the_door(tmp_path: Path) -> None:
    async with engine_with_door(tmp_path / "store.db") as door:
        reported = await said(
            door,
            b'{"do": "discard", "seqs": [2]}',
            b'{"do": "discard", "seqs": [2]}',
            b'{"do": "retry", "letters": [{"seq": 4}]}',
            b'{"do": "send", "messages": [{"type": "bank", "id": "a", "value": {"type": "a/b", "base64": ""}}]}',
            b'{"do": "dance"}',
            b'{"do": "discard", "sequs": [2]}',
            b"\xff",
            b"",
        )

    assert reported[:3] == [{"is": "done"}, {"is": "no-dead-letter", "seq": 2}, {"is": "done"}]
    assert [answer["is"] for answer in reported[3:]] == ["refused"] * 5
    assert reported[3]["reason"].startswith("a function type is <namespace>/<name>: got 'bank'.")
    assert reported[4]["reason"] == "Invalid value 'dance' - at `$.do`"
    assert reported[5]["reason"] == "Object contains unknown field `sequs`"


async def said(door: ControlSocket, *lines: bytes) -> list[dict[str, str]]:
    reader, writer = await asyncio.open_unix_connection(str(door.path))
    writer.write(b"".join(line + b"\n" for line in lines))
    answers = [json.loads(await reader.readline()) for _ in lines]
    writer.close()
    await writer.wait_closed()
    return answers


async def test_a_request_before_the_socket_closes_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = SqliteStore(path)
    async with running(Counter, store=store, clock=SystemClock()) as engine:
        gate, begun = asyncio.Event(), asyncio.Event()

        class Slow(EngineControl):
            async def discard(self, seqs: object) -> None:
                begun.set()
                await gate.wait()

        door = await ControlSocket.open(store, path, Slow(engine))
        control, idle = await open_control(path), await open_control(path)
        asking = asyncio.create_task(control.discard([1]))
        await begun.wait()
        closing = asyncio.create_task(door.close())
        await asyncio.sleep(0)
        gate.set()
        await asking
        await closing

        with pytest.raises(ControlSocketError, match="check before you repeat it"):
            await idle.discard([1])
        await control.close()
        await idle.close()
    store.close()


@pytest.mark.parametrize(
    ("request_of", "next_step"),
    [
        (lambda control: control.retry([DeadLetterRetry(1)]), MAYBE),
        (lambda control: control.failing(), READ),
        (lambda control: control.state(), READ),
    ],
)
async def test_a_silent_socket_times_out(
    tmp_path: Path, request_of: Callable[[SocketControl], Awaitable[object]], next_step: str
) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "x.sock"))
        silent.listen()
        control = await SocketControl.connect(str(tmp_path / "x.sock"), patience=0.01)
        with pytest.raises(ControlSocketError) as refused:
            await request_of(control)
        await control.close()

    assert str(refused.value) == (
        f"the engine behind {tmp_path}/x.sock has not answered within 0.01 s; a handler may be blocking it. {next_step}"
    )
