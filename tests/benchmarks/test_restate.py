"""The parts of the Restate benchmark, without Restate: their counts are right."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.benchmarks.restate.load import BadAnswerError, request, send
from tests.benchmarks.restate.measuring import Ledger, latencies, memory
from tests.benchmarks.restate.servers import Floor, Ours, first_answer

KEYS = [f"k{number}" for number in range(5)]


@pytest.fixture(scope="module", params=["json", "binary", "protobuf as JSON"])
def ours(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ours]:
    server = Ours(tmp_path_factory.mktemp("ours"), request.param)
    yield server
    for process in server.processes:
        process.close()


json_only = pytest.mark.parametrize("ours", ["json"], indirect=True, scope="module")


def totals(server: Ours, keys: list[str] = KEYS) -> list[int]:
    asked = [server.add(key, 0, answer=True) for key in keys]
    numbers = send(server.host, server.port, asked, connections=1, seconds=None).numbers
    return [numbers[each] for each in asked]


def test_every_message_is_counted_once_and_has_reached_its_counter_when_a_rate_is_printed(ours: Ours) -> None:
    first_answer(ours)
    ledger = Ledger(ours)

    rate = ledger.sent(KEYS, 0.05)
    replies = ledger.replied(KEYS, 0.05)

    assert totals(ours) == [ledger.expected[key] for key in KEYS]
    assert sum(ledger.expected.values()) > 0
    assert min(rate.a_second, rate.bytes_each, replies.a_second) > 0
    assert memory(ours) > 1_000_000


@json_only
def test_relayed_messages_are_counted_at_their_target(ours: Ours) -> None:
    ledger = Ledger(ours)
    keys = [f"relayed-{number}" for number in range(5)]

    ledger.sent(keys, 0.05, by_relay=True)

    assert totals(ours, keys) == [ledger.expected[key] for key in keys]
    assert min(ledger.expected.values()) > 0


def test_the_floor_has_on_disk_what_it_has_answered(tmp_path: Path) -> None:
    floor = Floor(tmp_path)
    try:
        times = latencies(floor, 0.05)
    finally:
        for process in floor.processes:
            process.close()

    assert times == sorted(times)
    assert len(times) > 0
    assert (tmp_path / "floor").read_bytes() == floor.add("alone", 0, answer=True) * len(times)


@json_only
def test_an_answer_without_success_ends_the_measurement(ours: Ours) -> None:
    wrong = request(ours.host, ours.port, "/ingress/no/body/x", b"1", "application/json")
    with pytest.raises(BadAnswerError, match="404"):
        send(ours.host, ours.port, [wrong], connections=2, seconds=None)


def test_an_answer_may_come_in_any_pieces() -> None:
    pieces = (b"HTTP/1.1 200 OK\r\nx-other: 7\r\nConte", b"nt-Length: 10\r\n\r", b"\n{", b'"n": 41 ', b"}")
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as thread:
        host, port = listening.getsockname()
        asked = request(host, port, "/", b"1", "application/json")

        def answer() -> bytes:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                got = connection.recv(65_536)
                for piece in pieces:
                    connection.send(piece)
                assert not connection.recv(1)  # nothing more is asked once all is answered
                return got

        answering = thread.submit(answer)
        load = send(host, port, [asked], connections=1, seconds=None, times=True)

        assert answering.result() == asked
    assert (load.answered, load.sent, load.numbers) == (1, {asked: 1}, {asked: 41})
    assert len(load.latencies) == 1


def test_a_connection_that_is_closed_ends_the_measurement() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as thread:
        host, port = listening.getsockname()

        def close() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.send(b"HTTP/1.1 200 OK")

        thread.submit(close)
        with pytest.raises(BadAnswerError, match=r"closed, after b'HTTP/1\.1 200 OK'"):
            send(host, port, [request(host, port, "/", b"1", "application/json")], connections=1, seconds=None)
