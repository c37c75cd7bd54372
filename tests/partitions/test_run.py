"""``run --partitions``: one system to whoever sends, whichever process gets the request."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.cli.commands import run
from tests.partitions.running import APP, DEADLINE, Running, is_alive, wait_for
from tests.partitions.systems import id_in

HERE, THERE = id_in(0, "test/cell"), id_in(1, "test/cell")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    with Running(tmp_path_factory.mktemp("run"), 2, "--metrics") as running:
        yield running


def test_every_process_takes_messages_for_every_partition(system: Running) -> None:
    for number in range(1, 9):
        for id in (HERE, THERE):
            got = system.add(id, number, by=number % 2)
            assert (got.status, got.json()) == (200, {"id": id, "count": number})
            assert got.headers["content-type"] == "application/json"
            assert got.headers["statefun-type"] == "test/added"


def test_a_repeat_of_an_idempotency_key_gets_the_same_answer(system: Running) -> None:
    for id in ("key-a", "key-b", "key-c"):
        for number in range(4):
            assert system.add(id, 1, key="k", by=number % 2).json() == {"id": id, "count": 1}
        for by in range(2):
            assert system.add(id, 2, key="k", by=by).status == 409


def test_errors_are_those_of_the_partition_that_has_the_address(system: Running) -> None:
    for by, id in itertools.product(range(2), (HERE, THERE)):
        got = system.request("PUT", f"/ingress/test/cell/{id}?type=test/add", {"number": "x"}, by=by)
        assert (got.status, b"number" in got.body) == (422, True)
        assert system.request("GET", f"/ingress/test/cell/{id}", by=by).status == 405
        assert system.request("PUT", f"/ingress/test/nobody/{id}?type=test/add", {}, by=by).status == 404
        assert system.request("POST", f"/replies/{id}", {}, by=by).status == 404
    assert system.request("PUT", "/ingress/test/cell/%zz", {}).status == 400
    assert system.request("POST", "/replies/", {}).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        ("PUT", "/ingress/test/cell/{id}?type=test/add", b'{"number": 1}', {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add&wait=handled", b'{"number": 1}', {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add&wait=x", b'{"number": 1}', {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add&delay=1h", b'{"number": 1}', {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add", b"{", {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add", b'{"number": 1, "to": "%b"}' % (b"x" * 300_000), {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/else", b"{}", {}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add", b"{}", {"Content-Encoding": "gzip"}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add", b"{}", {"Content-Type": "text/html"}),
        ("PUT", "/ingress/test/cell/{id}?type=test/add", b"{}", {"Origin": "http://else.example"}),
        ("POST", "/ingress/statefun-actors/reply/{id}", b"{}", {}),
        ("POST", "/replies/{id}", b"{}", {}),
        ("POST", "/replies/{id}?type=", b"{}", {}),
        ("DELETE", "/ingress/test/cell/{id}", b"", {}),
    ],
)
def test_a_forwarded_request_gets_the_response_of_one_that_is_not(
    system: Running, method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    for id in (HERE, THERE):
        found = [system.request(method, path.format(id=id), body, headers, by=by) for by in range(2)]
        first, second = [(got.status, {**got.headers, "date": ""}, got.body) for got in found]
        assert first == second


def test_many_messages_are_there_once_they_are_taken(system: Running) -> None:
    ids = [f"many-{number}" for number in range(8)]
    lines = b"\n".join(b'{"to":"test/cell/%b","type":"test/add","value":{"number":1}}' % id.encode() for id in ids)
    got = system.request("POST", "/ingress", lines, {"Content-Type": "application/jsonl"})
    assert got.status == 202
    assert [system.add(id, 2).json() for id in ids] == [{"id": id, "count": 2} for id in ids]


def test_another_system_can_not_share_the_port(system: Running) -> None:
    bind = f"127.0.0.1:{system.port}"
    done = run("run", "app.py", "--partitions", "2", "--bind", bind, folder=system.folder)
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: can't listen at {bind}: Address already in use. Choose another address with --bind HOST:PORT, or "
        "--bind none.\n",
    )


def test_all_are_ready_together(system: Running) -> None:
    for by in range(2):
        assert system.request("GET", "/readyz", by=by).body == b"ready\n"
        assert system.request("GET", "/readyz?verbose", by=by).body == b"ready\n"
        assert system.request("HEAD", "/readyz", by=by).status == 200
        assert system.request("GET", "/healthz", by=by).body == b"alive\n"
    assert system.request("GET", "/else").status == 404


def test_any_process_shows_the_metrics_of_all_partitions(system: Running) -> None:
    for id in (HERE, THERE):
        assert system.add(id, 1).status == 200
    for by in range(2):
        got = system.request("GET", "/metrics", by=by)
        assert got.headers["content-type"].startswith("text/plain")
        found = {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples(got.body.decode())}
        for number in "01":
            partition = ("partition", number)
            assert found["statefun_actors_partition_up", partition] == 1
            labels = (("handler", "Cell.add"), ("outcome", "ok"), partition, ("type", "test/cell"))
            assert found["statefun_actors_attempts_total", *labels] > 0
    assert system.request("PUT", "/metrics", {}).status == 405


def test_commands_see_all_partitions_as_one_store(system: Running) -> None:
    assert system.add("seen-a", 1).status == system.add("seen-b", 1).status == 200
    done = run("state", "app.py", "test/cell", "--prefix", "seen", "--store", str(system.store), folder=system.folder)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["id", "seen-a", "seen-b"]
    done = run("state", "app.py", "test/cell/seen-b", "--store", str(system.store), folder=system.folder)
    assert "numbers   [1]" in done.stdout


def test_commands_change_all_partitions_as_one_store(system: Running) -> None:
    def command(*arguments: str) -> str:
        done = run(*arguments, "--store", str(system.store), folder=system.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for id in (HERE, THERE):
        address = f"test/cell/{id}"
        assert "Sent" in command("send", "app.py", address, "test/add", '{"number": 77}')
        assert system.add(id, 78).status == 200  # so the message before it is handled
        assert "77,78]" in command("state", "app.py", address)
        command("state", "set", "app.py", address, "passed", '[["x", 1]]', "--yes")
        assert '[["x",1]]' in command("state", "app.py", address)
        command("pause", "app.py", address)
        command("resume", "app.py", address)
    assert command("failing", "list", "app.py") == "No message is failing.\n"


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (("run", "app.py"), "Error: store {store}: it has 2 partitions. Run it with --partitions 2.\n"),
        (
            ("run", "app.py", "--partitions", "3"),
            "Error: store {store}: it has 2 partitions, not 3. Run it with --partitions 2; or export it, "
            "and import it with --partitions 3.\n",
        ),
    ],
)
def test_what_does_not_work_yet_is_refused(system: Running, command: tuple[str, ...], error: str) -> None:
    done = run(*command, "--store", str(system.store), folder=system.folder)
    assert (done.returncode, done.stderr) == (1, error.format(store=system.store))


def test_an_error_at_the_start_of_a_partition_ends_all(tmp_path: Path) -> None:
    with Running(tmp_path, 2) as running:
        second = run(*running.command, folder=tmp_path, deadline=DEADLINE)
        assert second.returncode == 1
        assert "it is in use by process" in second.stderr
        assert "before it was ready, so all partitions are stopped.\n" in second.stderr
        assert running.add("a", 1).status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_ends_them_in_peace(tmp_path: Path, number: int) -> None:
    """As Ctrl-C at a terminal does, and a service manager, which may send the signal to each process of a group."""
    with Running(tmp_path, 2) as running:
        assert running.add("a", 1, "b").status == 200
        children = running.children()
        assert len(children) == 2
        for pid in (*children, running.process.pid):
            os.kill(pid, number)
        assert running.process.wait(DEADLINE) == 0
        assert not any(is_alive(pid) for pid in children)
        # The message to the second entity may wait in a store.
        assert re.search(
            r"\nmessages handled +[12]\n  by partition 0 +[012]\n  by partition 1 +[012]\n", shown(running)
        )
        assert not list(running.store.glob("*-wal"))  # each store was closed
        assert not [path.name for path in running.store.iterdir() if path.is_socket()]


def test_partitions_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with Running(tmp_path, 2) as running:
        children = running.children()
        running.process.kill()
        running.process.wait()
        wait_for(lambda: not any(is_alive(pid) for pid in children))
        running.start()
        assert running.add("a", 1).status == 200


def shown(running: Running) -> str:
    """What it has printed, without the spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in running.logged().splitlines())


def samples(text: str) -> list[Sample]:
    """The samples in a *text* for Prometheus."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def test_a_restart_continues(tmp_path: Path) -> None:
    with Running(tmp_path, 3) as running:
        for number in range(9):
            assert running.add(f"cell-{number}", number, f"cell-{(number + 1) % 9}").status == 200
        assert running.stop() == 0
        running.start()
        for number in range(9):
            assert running.add(f"cell-{number}", 10).json() == {"id": f"cell-{number}", "count": 2}


def test_the_summary_is_one_json_object_and_so_is_each_record_of_the_log(tmp_path: Path) -> None:
    app = APP + "\n\nimport logging\nlogging.getLogger('cells').warning('loaded')\n"
    with Running(tmp_path, 2, "--json", "--log-format", "json", app=app) as running:
        for id in (HERE, THERE, THERE):
            assert running.add(id, 1).status == 200
        assert running.stop() == 0
        objects = [json.loads(line) for line in running.logged().splitlines() if line.startswith("{")]
    *records, summary = objects
    assert {record.get("partition") for record in records if record["message"] == "loaded"} == {None, 0, 1}
    assert summary["seconds"] > 0
    told = ("app", "store", "ended", "error", "messages_handled", "messages_waiting", "egress_kept", "entities")
    assert {name: summary[name] for name in (*told, "partitions")} == {
        "app": "app",
        "store": str(running.store),
        "ended": "SIGTERM",
        "error": None,
        "messages_handled": 3,
        "messages_waiting": 0,
        "egress_kept": 3,
        "entities": {"test/cell": 2},
        "partitions": [
            {"messages_handled": 1, "restarts": 0, "exact": True},
            {"messages_handled": 2, "restarts": 0, "exact": True},
        ],
    }


def test_a_folder_with_a_long_path_works(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    with Running(folder, 2) as running:
        assert running.add(HERE, 1).status == running.add(THERE, 1).status == 200
        assert running.stop() == 0
