"""The HTTP ingress of a real run: accepted messages and their responses."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors.types import pack
from tests.cli.commands import run, states
from tests.http.ingress.bank import APP
from tests.http.running import JSON, Running, running

pytestmark = pytest.mark.xdist_group("ingress")  # one run for these files


def test_a_message_is_taken_once_it_is_durable(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with running(tmp_path) as server:
        assert server.send("/ingress/bank/account/ada?type=bank/deposit", {"cents": 5})[:2] == (202, "")
        server.process.kill()
        server.process.wait()

    assert run("run", "app.py", "--until-idle", folder=tmp_path).returncode == 0
    assert states(tmp_path / ".statefun" / "app.db") == {"bank/account/ada": {"balance": 5}}


def test_a_waiting_request_gets_the_reply_and_its_type(server: Running) -> None:
    server.send("/ingress/bank/account/wait?type=bank/deposit", {"cents": 5}, method="POST")
    answer = server.send("/ingress/bank/account/wait?type=bank/deposit&wait=5s", {"cents": 2})

    assert (answer.status, answer.json, answer.headers["statefun-type"]) == (200, {"balance": 7}, "bank/deposited")


def test_a_handler_without_a_reply_is_a_204(server: Running) -> None:
    answer = server.send("/ingress/bank/account/wait?wait=5s", {}, "application/vnd.bank/close")

    assert (answer.status, answer.text) == (204, "")


@pytest.mark.parametrize(
    ("typename", "body", "reason"),
    [
        ("bank/deposit", {"cents": -1}, "TerminalError: no such money\n"),
        ("io.statefun.types/string", "odd", "ValueError: odd\n"),
    ],
)
def test_a_message_that_is_dead_lettered_or_discarded_is_a_422_with_the_reason(
    server: Running, typename: str, body: object, reason: str
) -> None:
    assert server.send(f"/ingress/bank/account/x?wait=5s&type={typename}", body)[:2] == (422, reason)


def test_a_caller_may_wait_for_any_sender_and_the_first_answer_counts(server: Running) -> None:
    answer = server.send("/ingress/test/forwarder/a?wait=5s&until=reply", "please")

    assert (answer.status, answer.json) == (200, "first")


def test_where_no_answer_comes_it_is_a_504_and_the_message_stays_delivered(server: Running) -> None:
    assert server.send("/ingress/test/forwarder/a?wait=500ms&until=reply", "nothing")[:2] == (
        504,
        "no answer within 0.5 s; the message stays delivered\n",
    )
    assert server.send("/ingress/test/slow/a?wait=1ms", 0.05).status == 504
    assert server.send("/ingress/test/slow/a?wait=5s", 0.0).status == 204


def test_only_who_waits_is_a_caller(server: Running) -> None:
    assert server.send("/ingress/test/callers/a?wait=5s", True).json == "statefun-actors/ingress"


@pytest.mark.parametrize("path", ["a%2Fb%20%C3%BC", "a/b%20%C3%BC"])
def test_ids_are_percent_decoded_and_may_hold_slashes(folder: Path, server: Running, path: str) -> None:
    before = server.send("/ingress/test/counter/a/b%20%c3%bc?wait=5s", 0).json

    assert server.send(f"/ingress/test/counter/{path}?wait=5s", 1).json == before + 1


@pytest.mark.parametrize(
    ("target", "content_type", "body", "reply", "replied"),
    [
        ("test/counter/t?", None, b"0", 0, "io.statefun.types/long"),
        ("test/counter/t?type=io.statefun.types/int&", JSON, b"0", 0, "io.statefun.types/long"),
        ("test/counter/t?", "application/octet-stream", pack(0).value, 0, "io.statefun.types/long"),
        ("test/values/t?type=io.statefun.types/double&", JSON, b"1.5", 1.5, "io.statefun.types/double"),
        ("test/values/t?type=io.statefun.types/string&", f"{JSON}; charset=utf-8", b'"\xc3\xbc"', "ü", None),
        ("test/values/t?type=io.statefun.types/bool&", JSON, b"false", False, "io.statefun.types/bool"),
        ("test/values/t?type=statefun-actors/bytes&", JSON, b'"/w=="', "/w==", None),
        ("test/values/t?type=statefun-actors/bytes&", "application/octet-stream", b"\xff", "/w==", None),
        ("test/values/t?", "application/vnd.type.googleapis.com/google.protobuf.Duration", b'"2s"', "2s", None),
        ("test/values/t?type=type.googleapis.com/google.protobuf.Duration&", JSON, b'"2s"', "2s", None),
        (
            "test/values/t?type=type.googleapis.com/google.protobuf.Duration&",
            "application/x-protobuf",
            b"\x08\x02",
            "2s",
            "type.googleapis.com/google.protobuf.Duration",
        ),
        ("test/anything/t?type=any/thing&", "application/octet-stream", b"\0", "any/thing b'\\x00'", None),
        ("test/anything/t?type=statefun-actors/json&", JSON, b"[1]", "statefun-actors/json b'[1]'", None),
    ],
)
def test_bodies_of_all_kinds(
    server: Running, target: str, content_type: str | None, body: bytes, reply: object, replied: str | None
) -> None:
    answer = server.send(f"/ingress/{target}wait=5s", body, content_type)

    assert (answer.status, answer.json) == (200, reply)
    assert replied is None or answer.headers["statefun-type"] == replied


def test_many_messages_come_as_lines(server: Running) -> None:
    body = b'{"to": "test/counter/many", "value": 1}\n\n{"to": "test/counter/many", "value": 2, "after": "PT1H"}\n'
    answers = [
        server.send("/ingress", body, content_type) for content_type in ("application/jsonl", "application/x-ndjson")
    ]

    assert [answer[:2] for answer in answers] == [(202, ""), (202, "")]
    assert server.send("/ingress/test/counter/many?wait=5s", 0).json == 2


def test_of_many_messages_none_is_taken_if_one_is_bad(server: Running) -> None:
    body = b'{"to": "test/counter/none", "value": 1}\n{"to": "test/counter/none", "value": "x"}\n'

    assert server.send("/ingress", body, "application/jsonl")[:2] == (
        422,
        "line 2: expected `int`, got `str` - at `$.value`. No message of this request was taken\n",
    )
    assert server.send("/ingress/test/counter/none?wait=5s", 0).json == 0
