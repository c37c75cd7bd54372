"""Runs with an ingress: its token, its address, a run without it, and its stop."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import run, started
from tests.http.ingress.bank import APP
from tests.http.running import JSON, Running, running


def test_with_a_token_only_who_has_it_gets_in(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with running(tmp_path, "--token", "s3cret") as server:
        path = "/ingress/test/counter/a"
        refused = server.send(path, 1)
        statuses = [
            server.send(path, 1, Authorization=written).status
            for written in ("Bearer s3cre", "s3cret", "Basic s3cret", "Bearer", "Bearer s3cret", "bearer  s3cret")
        ]
        ready = server.send("/readyz", method="GET").status

    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert statuses == [401, 401, 401, 401, 202, 202]
    assert ready == 200


def test_an_address_that_others_can_reach_demands_a_token(folder: Path) -> None:
    done = run("run", "app.py", "--bind", "0.0.0.0:0", folder=folder)

    assert done.returncode == 2
    assert "could send messages; set a bearer token with --token TEXT." in done.stderr


def test_the_error_for_a_port_in_use_names_a_way_out(folder: Path, server: Running) -> None:
    done = run("run", "app.py", "--memory", "--bind", f"127.0.0.1:{server.port}", folder=folder)

    assert (done.returncode, done.stderr) == (
        1,
        f"Error: can't listen at 127.0.0.1:{server.port}: Address already in use. "
        "Choose another address with --bind HOST:PORT, or --bind none.\n",
    )


def test_a_run_can_do_without_http(folder: Path) -> None:
    with started("run", "app.py", "--memory", "--bind", "none", folder=folder) as process:
        assert process.stderr is not None
        shown = process.stderr.readline()
        process.terminate()
        shown += process.communicate()[1]

    assert "taken at" not in shown


def test_a_stop_answers_those_who_wait_and_is_over_in_time(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with running(tmp_path) as server:
        soon, never = server.connection(), server.connection()
        soon.request("PUT", "/ingress/test/slow/a?wait=1m", b"0.5", {"Content-Type": JSON})
        never.request("PUT", "/ingress/test/forwarder/a?wait=1m&until=reply", b'"nothing"', {"Content-Type": JSON})
        while server.send("/ingress/test/counter/a?wait=5s", 0).status != 200:
            pass
        assert server.stop() == 0
        first, second = soon.getresponse(), never.getresponse()

    text = second.read().decode()
    assert first.status == 204
    assert (second.status, text) == (
        503,
        "the message is stored, and will be handled when the server runs again: it stops now\n",
    )
