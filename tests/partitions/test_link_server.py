"""Who may connect to a partition, and what is logged about others."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from statefun_actors.connectors.partitions import LinkServer
from statefun_actors.connectors.partitions.frames import Hello, frame
from statefun_actors.partitions import Partition, link
from statefun_actors.system import listen_at
from statefun_actors.types import pack
from tests.partitions.systems import DEADLINE, system
from tests.partitions.test_links import HERE, THERE, Cell, PassOn, kept, notices, seen, until


def refusal(sender: int, path: Path) -> str:
    """The log line about a refused partition."""
    return (
        f"partition {sender} of another system connects to {path}, and is refused: two runs use this path; stop one of "
        "them"
    )


@pytest.mark.parametrize("turns", range(1, 6))
async def test_a_connection_that_comes_while_a_server_closes_is_closed(tmp_path: Path, turns: int) -> None:
    server = LinkServer(listen_at(tmp_path / "link"), "test", 0, [])
    await server.open(lambda: None)
    reader, writer = await asyncio.open_unix_connection(tmp_path / "link")
    for _ in range(turns):
        await asyncio.sleep(0)
    await server.close()
    async with asyncio.timeout(DEADLINE):
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()


async def test_a_partition_of_another_system_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with system(tmp_path, Cell) as both:
        both.members[0]._neighbours = type(both.members[0]._neighbours)(Partition(0, 2), "other", tmp_path, tmp_path)
        await both.members[0].stop()
        await both.members[0].start()
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 1)))
        text = f"egress {link(1)} can't be written since TIME: partition 1 can't be reached: it closed the connection"
        await until(lambda: notices(both) == [text])
        assert seen(both, THERE) == []
        assert kept(both) == 1
    assert [record.getMessage() for record in caplog.records] == [refusal(0, tmp_path / "1.link")]


async def test_the_refusal_of_a_sender_that_tries_again_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = LinkServer(listen_at(tmp_path / "link"), "test", 0, [])
    await server.open(lambda: None)
    for sender in (1, 2, 1, 1):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "link")
        writer.write(frame(Hello("other", sender, 0, "start")))
        assert await reader.read() == b""
        writer.close()
    await server.close()
    assert [record.getMessage() for record in caplog.records] == [
        refusal(1, tmp_path / "link"),
        refusal(2, tmp_path / "link"),
    ]
