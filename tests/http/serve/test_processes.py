"""``statefun-actors serve``: closed connections, stops, its log, its workers, its settings and its address."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.http import listen
from statefun_actors.types import pack
from statefun_actors.wire import v3_pb2
from tests.http.serve.counting import COUNTER, good
from tests.http.serving import DEADLINE, Server, request, serving


def wait_for(path: Path) -> None:
    """The handler says by a file where it is."""
    deadline = threading.Event()
    for _ in range(int(DEADLINE * 100)):
        if path.exists():
            return
        deadline.wait(0.01)
    raise AssertionError(f"{path.name} never came")


def test_a_closed_connection_cancels_its_batch(app: Path, server: Server) -> None:
    connection = server.connection()
    connection.request("POST", "/statefun", request(Address("test/slow", "gone"), 1, state={"n": None}))
    wait_for(app.parent / "gone.entered")
    assert not (app.parent / "gone.left").exists()
    connection.close()
    wait_for(app.parent / "gone.left")

    good(server)


def test_a_stop_lets_the_batches_under_way_end(app: Path) -> None:
    with serving(app) as server:
        connection = server.connection()
        connection.request("POST", "/statefun", request(Address("test/slow", "last"), 1, state={"n": None}))
        wait_for(app.parent / "last.entered")
        server.process.send_signal(signal.SIGTERM)
        (app.parent / "go").touch()
        response = connection.getresponse()
        result = v3_pb2.FromFunction.FromString(response.read()).invocation_result
        connection.close()

        assert response.status == 200
        assert result.state_mutations[0].state_value.value == pack(1).value
        assert server.process.wait(DEADLINE) == 0


def test_it_warns_of_classes_without_a_failure_policy(app: Path) -> None:
    with serving(app) as server:
        good(server)
        code, shown = server.stop()

        assert code == 0
        assert "Warning: Counter (test/counter) has no failure policy" in shown
        assert "Careful" not in shown
    with serving(app, "--dead-letters", "test/all", "--accept-restore") as server:
        code, shown = server.stop()

        assert [line for line in shown.splitlines() if "Warning" in line] == [
            "Warning: restores are accepted (--accept-restore): whoever may write to the topics of the gateway can "
            "give state to entities that have none. Start without it once all is moved."
        ]


def test_a_failed_batch_is_logged_with_address_types_and_error(app: Path) -> None:
    with serving(app) as server:
        server.post(request(COUNTER, "oh no", state={"n": None}))
        _, shown = server.stop()

        assert "test/counter/a" in shown
        assert "io.statefun.types/string" in shown
        assert "ValueError: oh no" in shown


def test_two_workers_serve_one_port(app: Path) -> None:
    with serving(app, "--workers", "2") as server:
        for _ in range(10):
            good(server)
        code, _ = server.stop()

        assert code == 0


def test_settings_come_from_a_file_and_flags_go_before_it(app: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("body-limit = 100\n", encoding="utf-8")
    body = request(COUNTER, *[1] * 20, state={"n": None})
    with serving(app, "--config", str(config)) as server:
        refused, _ = server.post(body)
    with serving(app, "--config", str(config), "--body-limit", "1M") as server:
        taken, _ = server.post(body)

    assert (refused, taken) == (413, 200)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_listens_at_a_path_and_takes_the_place_of_one_that_is_gone(app: Path, tmp_path: Path, workers: str) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with (
        serving(app, "--bind", f"unix:{path}", "--workers", workers),
        socket.socket(socket.AF_UNIX) as connection,
    ):
        with pytest.raises(OSError, match="another process listens there"):
            listen(f"unix:{path}")
        connection.settimeout(DEADLINE)
        connection.connect(str(path))
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more

    assert answer.endswith(b"\r\n\r\nready\n")
