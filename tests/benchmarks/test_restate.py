"""The pieces of the benchmark beside Restate, without Restate: that what they count is what has happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.restate.load import BadAnswerError, request, send
from tests.benchmarks.restate.measuring import Ledger, latencies, memory
from tests.benchmarks.restate.servers import Floor, Ours, first_answer

KEYS = [f"k{number}" for number in range(5)]


@pytest.fixture(params=["json", "binary", "protobuf as JSON"])
def ours(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ours]:
    server = Ours(tmp_path, request.param)
    yield server
    for process in server.processes:
        process.close()


async def totals(server: Ours) -> list[int]:
    asked = [server.add(key, 0, answer=True) for key in KEYS]
    return (await send(server.host, server.port, asked, connections=1, seconds=None)).numbers


async def test_every_message_is_counted_once_and_has_reached_its_counter_when_a_rate_is_told(ours: Ours) -> None:
    first_answer(ours)
    ledger = Ledger(ours)

    rate = await ledger.sent(KEYS, 0.05)
    replies = await ledger.replied(KEYS, 0.05)

    assert await totals(ours) == [ledger.expected[key] for key in KEYS]
    assert sum(ledger.expected.values()) > 0
    assert min(rate.a_second, rate.bytes_each, replies.a_second) > 0
    assert memory(ours) > 1_000_000


async def test_what_relays_send_is_counted_by_where_it_arrives(tmp_path: Path) -> None:
    server = Ours(tmp_path)
    try:
        ledger = Ledger(server)
        await ledger.sent(KEYS, 0.05, by_relay=True)

        assert await totals(server) == [ledger.expected[key] for key in KEYS]
        assert min(ledger.expected.values()) > 0
    finally:
        for process in server.processes:
            process.close()


async def test_the_floor_has_on_disk_what_it_has_answered(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    try:
        times = await latencies(floor, 0.05)
    finally:
        for process in floor.processes:
            process.close()

    assert times == sorted(times)
    assert len(times) > 0
    assert (tmp_path / "floor").read_bytes() == floor.add("alone", 0, answer=True) * len(times)


async def test_an_answer_without_success_ends_the_measurement(tmp_path: Path) -> None:
    server = Ours(tmp_path)
    try:
        wrong = request(server.host, server.port, "/ingress/no/body/x", b"1", "application/json")
        with pytest.raises(BadAnswerError, match="404"):
            await send(server.host, server.port, [wrong], connections=2, seconds=None)
    finally:
        for process in server.processes:
            process.close()
