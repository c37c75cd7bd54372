"""The HTTP ingress of a real run: messages under an idempotency key."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.commands import states
from tests.http.ingress.bank import APP
from tests.http.running import Running, running

pytestmark = pytest.mark.xdist_group("ingress")  # one run for these files


def test_a_repeat_under_one_key_gets_the_first_reply_over_restarts(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    path, account = "/ingress/bank/account/key?wait=5s&type=bank/deposit", "bank/account/key"
    with running(tmp_path) as server:
        first = server.send(path, {"cents": 5}, Idempotency_Key="k 1")
        again = server.send(path, b' {"cents":5}', Idempotency_Key="k 1")
        other = server.send(path, {"cents": 6}, Idempotency_Key="k 1")
        failed = [server.send(path, {"cents": -1}, Idempotency_Key="k 2")[:2] for _ in range(2)]
        server.process.kill()
        server.process.wait()
    with running(tmp_path) as server:
        later = server.send(path, {"cents": 5}, Idempotency_Key="k 1")
        server.stop()

    assert [answer.json for answer in (first, again, later)] == [{"balance": 5}] * 3
    assert {answer.headers["statefun-type"] for answer in (first, again, later)} == {"bank/deposited"}
    assert other[:2] == (409, "another message was sent under the Idempotency-Key 'k 1'; use a new key\n")
    assert failed == [(422, "TerminalError: no such money\n")] * 2
    assert states(tmp_path / ".statefun" / "app.db")[account] == {"balance": 5}


@pytest.mark.parametrize(
    ("key", "got"), [("", "''"), (" ", "''"), ("k" * 256, "256 characters"), ("\xe9", "'\xe9'"), ("a\tb", r"'a\tb'")]
)
def test_a_key_has_a_form(server: Running, key: str, got: str) -> None:
    answer = server.send("/ingress/test/counter/key", 1, Idempotency_Key=key)

    form = "1 to 255 printable ASCII characters without a space at either end"
    assert answer[:2] == (400, f"expected an Idempotency-Key of {form}, got {got}\n")


def test_spaces_around_a_header_are_no_part_of_the_key(server: Running) -> None:
    path = "/ingress/test/counter/spaces?wait=5s"
    answers = [server.send(path, 1, Idempotency_Key=key) for key in ("  k 1 ", "k 1")]

    assert answers[0][:2] == answers[1][:2]
    assert server.send(path, 2, Idempotency_Key="k 1").status == 409


def test_two_keys_are_no_key(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(
            b"PUT /ingress/test/counter/keys HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n"
            b"Content-Type: application/json\r\nIdempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n1"
        )
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\nexpected one Idempotency-Key, got two\n")


def test_a_key_belongs_to_one_message(server: Running) -> None:
    answer = server.send("/ingress", b"", "application/jsonl", Idempotency_Key="k")

    assert answer[:2] == (
        400,
        "expected no Idempotency-Key with many messages: send it with one, to /ingress/<namespace>/<name>/<id>\n",
    )
