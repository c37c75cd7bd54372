"""Closed connections and stops: running requests end in order, and each handled one is answered."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from statefun_actors.types import pack
from statefun_actors.wire import v3_pb2
from tests.http.serving import DEADLINE, Server, serving
from tests.http.slow_app import APP, begun, eventually, lines, slow


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text(APP, encoding="utf-8")
    (tmp_path / "log").touch()
    return path


@pytest.fixture
def server(app: Path) -> Iterator[Server]:
    with serving(app) as running:
        yield running


def test_after_a_closed_connection_the_next_batch_of_the_address_waits_and_others_do_not(
    app: Path, server: Server
) -> None:
    first = begun(server, slow("a", "one"))
    eventually(lambda: "begin a one" in lines(app), "the first batch began")
    first.close()
    second = begun(server, slow("a", "two"))
    status, _ = server.post(slow("b", 1))
    assert status == 200
    assert "begin a two" not in lines(app)

    (app.parent / "clean-a").touch()
    eventually(lambda: "begin a two" in lines(app), "the second batch began")
    (app.parent / "go-a").touch()
    assert second.getresponse().status == 200
    second.close()

    about_a = [line for line in lines(app) if " a " in line]
    assert about_a == ["begin a one", "end a one", "begin a two", "end a two"]


def test_a_waiting_batch_whose_connection_closes_never_begins(app: Path, server: Server) -> None:
    first = begun(server, slow("a", "one"))
    eventually(lambda: "begin a one" in lines(app), "the first batch began")
    second = begun(server, slow("a", "two"))
    server.post(slow("b", 1))
    second.close()
    server.post(slow("b", 1))
    for name in ("go-a", "clean-a"):
        (app.parent / name).touch()
    assert first.getresponse().status == 200
    first.close()
    assert server.post(slow("a", "three"))[0] == 200

    assert [line for line in lines(app) if " a " in line] == [
        "begin a one",
        "end a one",
        "begin a three",
        "end a three",
    ]


def test_while_it_stops_it_is_not_ready_and_still_answers(app: Path, server: Server) -> None:
    (app.parent / "clean-a").touch()
    under_way = begun(server, slow("a", "one"))
    eventually(lambda: "begin a one" in lines(app), "the batch began")
    server.process.send_signal(signal.SIGTERM)

    def status_of(path: str) -> int:
        connection = server.connection()
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status

    eventually(lambda: status_of("/readyz") == 503, "not ready")
    assert status_of("/healthz") == 200
    connection = begun(server, slow("b", 1))
    response = connection.getresponse()
    assert (response.status, response.getheader("Connection")) == (200, "close")
    connection.close()

    (app.parent / "go-a").touch()
    response = under_way.getresponse()
    [mutation] = v3_pb2.FromFunction.FromString(response.read()).invocation_result.state_mutations
    under_way.close()
    assert mutation.state_value.value == pack(1).value
    assert server.process.wait(DEADLINE) == 0


# Python's ssl does not close the socket of a client whose connection is reset just before its handshake.
@pytest.mark.filterwarnings("ignore:.*SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_stop_under_load_leaves_nothing_that_was_handled_unanswered(app: Path, certificates: Path, tls: bool) -> None:
    files = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "server.key"))
    context = ssl.create_default_context(cafile=str(certificates / "server.pem")) if tls else None
    with serving(app, *(files if tls else ())) as server:
        answered: list[int] = []
        enough = threading.Event()

        def client(number: int) -> None:
            """One request after the other, over connections that are kept while the server keeps them."""
            count = 0
            connection = server.connection(context)
            try:
                while True:
                    connection.request("POST", "/statefun", slow(f"{number}", 1))
                    response = connection.getresponse()
                    assert response.status == 200
                    assert response.read()
                    count += 1
                    if count == 20:
                        enough.set()
            except (http.client.HTTPException, OSError):
                answered.append(count)  # it refuses connections, or closed one that was idle
            finally:
                connection.close()

        clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
        for each in clients:
            each.start()
        assert enough.wait(DEADLINE)
        server.process.send_signal(signal.SIGTERM)
        for each in clients:
            each.join(DEADLINE)

        assert server.process.wait(DEADLINE) == 0
        assert sum(answered) == lines(app).count("handled")
        assert "Traceback" not in "".join(server.shown)


@pytest.mark.parametrize("method", ["GET", "POST"], ids=["hypercorn", "fast path"])
def test_a_client_that_ignores_the_close_of_tls_delays_no_other_client(
    app: Path, certificates: Path, method: str
) -> None:
    files = ("--certfile", str(certificates / "server.pem"), "--keyfile", str(certificates / "server.key"))
    with serving(app, *files) as server:
        connection = server.connection(ssl.create_default_context(cafile=str(certificates / "server.pem")))
        connection.request(method, "/healthz" if method == "GET" else "/statefun", slow("a", 1))
        response = connection.getresponse()
        assert response.status == 200
        response.read()
        code, shown = server.stop()
        connection.close()

    assert code == 0, shown


def test_a_second_signal_ends_it_at_once(app: Path, server: Server) -> None:
    connection = begun(server, slow("a", "one"))
    eventually(lambda: "begin a one" in lines(app), "the batch began")
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: any("Repeat to stop at once" in line for line in server.shown), "it says that it stops")
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(DEADLINE) == -signal.SIGTERM
    connection.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("message", "began", "answer", "code"),
    [(b"forever", "forever", 503, 0), (True, "blocking", None, 1)],
    ids=["a handler that waits for ever", "a thread"],
)
def test_it_ends_within_ten_seconds_in_spite_of_its_handlers(
    app: Path, server: Server, message: object, began: str, answer: int | None, code: int
) -> None:
    connection = begun(server, slow("a", message))
    eventually(lambda: began in lines(app), "the batch began")
    server.process.send_signal(signal.SIGTERM)
    try:
        response = connection.getresponse()
        assert (response.status, response.read()) == (answer, b"the server stops, and cancelled this batch\n")
    except (http.client.HTTPException, OSError):
        assert answer is None

    assert server.process.wait(10) == code
    connection.close()


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one process", "two workers"])
def test_a_sighup_stops_it_as_sigterm_does(app: Path, workers: tuple[str, ...]) -> None:
    """A closed window sends it to every process, twice."""
    with serving(app, *workers) as server:
        processes = {*(all_that_answer(server, 2) if workers else ()), server.process.pid}
        under_way = begun(server, slow("a", "one"))
        eventually(lambda: "begin a one" in lines(app), "the batch began")
        for pid in sorted(processes, key=lambda pid: pid == server.process.pid):
            os.kill(pid, signal.SIGHUP)
        eventually(lambda: any("Repeat to stop at once" in line for line in server.shown), "it says that it stops")
        os.kill(server.process.pid, signal.SIGHUP)
        for name in ("go-a", "clean-a"):
            (app.parent / name).touch()
        assert under_way.getresponse().status == 200
        under_way.close()

        assert server.process.wait(DEADLINE) == 0


# --- several processes


def process_that_answers(server: Server) -> int:
    _, reply = server.post(slow("p", 0.5))
    [message] = v3_pb2.FromFunction.FromString(reply).invocation_result.outgoing_messages
    return int.from_bytes(message.argument.value[1:], "little")


def all_that_answer(server: Server, expected: int, but: int | None = None) -> set[int]:
    """The processes that answer, once there are this many besides *but*."""
    found: set[int] = set()

    def enough() -> bool:
        found.add(process_that_answers(server))
        return len(found - {but}) == expected

    eventually(enough, f"{expected} processes answer")
    return found - {but} if but is not None else found


def test_two_workers_share_the_connections_and_a_dead_one_is_replaced(app: Path) -> None:
    with serving(app, "--workers", "2", is_forked=False) as server:
        found = all_that_answer(server, 2)
        assert server.process.pid not in found
        dead, alive = found
        os.kill(dead, signal.SIGKILL)
        assert alive in all_that_answer(server, 2, but=dead)
        code, shown = server.stop()

        assert code == 0
        assert "was killed by SIGKILL; it is started again\n" in shown


def test_the_workers_of_a_killed_process_end_too(app: Path) -> None:
    with serving(app, "--workers", "2") as server:
        all_that_answer(server, 2)
        server.process.kill()

        def refused() -> bool:
            try:
                socket.create_connection((server.host, server.port), DEADLINE).close()
            except ConnectionRefusedError:
                return True
            return False

        eventually(refused, "nobody listens any more")


def test_an_app_that_only_its_workers_cannot_load_is_given_up(app: Path) -> None:
    app.write_text(
        APP + "\nimport multiprocessing\nif multiprocessing.parent_process():\n    raise ValueError('not here')\n",
        encoding="utf-8",
    )
    with serving(app, "--workers", "2") as server:
        assert server.process.wait(DEADLINE) == 1
        server.reader.join(DEADLINE)

        assert "not here" in "".join(server.shown)
