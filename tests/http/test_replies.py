"""Answers to open asks over HTTP: ``POST /replies/<token>`` of a real ``statefun-actors run``."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from statefun_actors.admin import read_entities
from statefun_actors.store.sqlite import SqliteStore
from tests.client import bank
from tests.client.bank import Loan
from tests.http.running import JSON, Running, running

APP = """
from google.protobuf.any_pb2 import Any

class Choice(Entity, typename="test/choice"):
    chosen: str = persisted(default="")

    @handles
    def begin(self, message: str) -> str:
        then = self.one if message == "one" else self.anything
        return self.reply_address(then=then, timeout=timedelta(hours=1)).id

    @answers
    def one(self, answer: int | str | NoAnswer) -> None:
        self.chosen = repr(answer)

    @answers
    def anything(self, answer: Any | NoAnswer) -> None:
        self.chosen = answer.type_url

    @handles
    def seen(self, message: int) -> str:
        return self.chosen
"""
NOT_OPEN = (
    404,
    "no ask is open here: it is answered, expired or unknown; `statefun-actors asks APP` lists open asks\n",
)
GRANTED = {"granted": True}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("replies")
    (folder / "app.py").write_text(Path(bank.__file__).read_text() + APP)
    with running(folder, "--memory", "--token", "secret") as server:
        yield server


def ask(server: Running, path: str, message: object) -> str:
    typename = "string" if isinstance(message, str) else "int"
    answer = server.send(
        f"/ingress/{path}?type=io.statefun.types/{typename}&wait=5s", message, Authorization="Bearer secret"
    )
    assert answer.status == 200, answer
    return str(answer.json)


@pytest.fixture
def loan(request: pytest.FixtureRequest) -> str:
    """A loan of this test's own."""
    return f"bank/loan/{quote(request.node.name, safe='')}"


def test_the_token_is_the_permission_and_one_answer_counts(server: Running, loan: str) -> None:
    token = ask(server, loan, "now")
    first = server.send(f"/replies/{token}", GRANTED, method="POST")
    second = server.send(f"/replies/{token}", {"granted": False}, method="POST")

    assert first[:2] == (202, "")
    assert second[:2] == NOT_OPEN
    assert ask(server, loan, 0) == "True"


def test_of_many_answers_at_once_one_counts(server: Running, loan: str) -> None:
    token = ask(server, loan, "now")
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def answer() -> None:
        status = server.send(f"/replies/{token}", GRANTED, method="POST").status
        with lock:
            statuses[status] += 1

    threads = [threading.Thread(target=answer) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == {202: 1, 404: 11}
    assert ask(server, loan, 0) == "True"


@pytest.mark.parametrize(
    "path",
    ["f" * 32, "", "x/y", "%FF", "%00", "a" * 5000, "..", "%2e%2e", "%22%22", "%22", '""', "%22%20%22", "%ED%A0%80"],
)
@pytest.mark.parametrize("body", [b"{}", b"no json", b""])
def test_where_nothing_is_open_the_answer_is_always_the_same(server: Running, path: str, body: bytes) -> None:
    assert server.send(f"/replies/{path}?type=bank/verdict", body, method="POST")[:2] == NOT_OPEN
    assert server.send(f"/replies/{path}", body, method="POST", Idempotency_Key="k")[:2] == NOT_OPEN


def test_an_expired_ask_and_an_answered_one_answer_like_one_that_never_was(server: Running, loan: str) -> None:
    token = ask(server, loan, "briefly")
    while ask(server, loan, 0) != "timeout":
        ...

    assert server.send(f"/replies/{token}", GRANTED, method="POST")[:2] == NOT_OPEN


@pytest.mark.parametrize(
    ("query", "content_type", "body", "status", "text"),
    [
        ("?type=io.statefun.types/string", JSON, b'"x"', 422, "Loan.decided takes bank/verdict, got io.statefun.types"),
        (
            "?type=statefun-actors/no-answer",
            JSON,
            b"{}",
            422,
            "Loan.decided takes bank/verdict, got statefun-actors/no",
        ),
        ("?type=statefun-actors/order", JSON, b"{}", 422, "Loan.decided takes bank/verdict, got statefun-actors/order"),
        ("", JSON, b'{"granted": 5}', 422, "expected `bool`, got `int` - at `$.granted`"),
        ("", JSON, b'{"granted": true, "granted": false}', 422, "expected each key once, got"),
        ("", JSON, b"no json", 422, "the body is not JSON: "),
        ("", "text/plain", b"yes", 415, "expected the Content-Type application/json"),
        ("?wait=5s", JSON, b"{}", 400, "unknown parameter ?wait=; expected ?type=\n"),
        ("?until=reply", JSON, b"{}", 400, "unknown parameter ?until=; expected ?type=\n"),
        ("?after=5s", JSON, b"{}", 400, "unknown parameter ?after=; expected ?type=\n"),
        (
            "?type=a/b",
            "application/vnd.bank/verdict",
            b"{}",
            400,
            "expected one type, got two: ?type=a/b and Content-Type application/",
        ),
    ],
)
def test_an_answer_of_another_type_leaves_the_ask_open(
    server: Running, loan: str, query: str, content_type: str, body: bytes, status: int, text: str
) -> None:
    token = ask(server, loan, "now")
    answer = server.send(f"/replies/{token}{query}", body, content_type, method="POST")

    assert (answer.status, answer.text[: len(text)]) == (status, text)
    assert answer.text.count("\n") == 1
    assert server.send(f"/replies/{token}", GRANTED, "application/vnd.bank/verdict", method="POST").status == 202
    assert ask(server, loan, 0) == "True"


def test_a_token_quoted_as_in_the_reply_that_it_was_is_the_token(server: Running, loan: str) -> None:
    token = ask(server, loan, "now")

    assert server.send(f"/replies/%22{token}%22", GRANTED, method="POST").status == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_only_post_answers_and_nothing_is_shown(server: Running, loan: str, method: str) -> None:
    token = ask(server, loan, "now")
    for path in (token, "f" * 32):
        answer = server.send(f"/replies/{path}", method=method)
        assert answer[:2] == (405, f"send an answer by POST, not {method}\n")
        assert answer.headers["allow"] == "POST"

    assert server.send(f"/replies/{token}", GRANTED, method="POST").status == 202


def test_pages_of_other_sites_are_refused(server: Running, loan: str) -> None:
    token = ask(server, loan, "now")
    foreign = server.send(f"/replies/{token}", GRANTED, method="POST", Origin="http://evil.example")

    assert foreign[:2] == (
        403,
        f"a page of 'http://evil.example' can't send requests to '{server.host}:{server.port}': the origins differ\n",
    )
    assert server.send(f"/replies/{token}", GRANTED, method="POST").status == 202


def test_a_method_that_takes_several_types_needs_the_type_named(server: Running) -> None:
    choice = "test/choice/one"
    token = ask(server, choice, "one")
    unclear = server.send(f"/replies/{token}", 5, method="POST")

    assert unclear[:2] == (
        422,
        "Choice.one takes io.statefun.types/long and io.statefun.types/string, so a message for it has to name its "
        "type: write ?type=<typename>, or Content-Type: application/vnd.<typename>\n",
    )
    assert server.send(f"/replies/{token}?type=io.statefun.types/int", 5, method="POST").status == 202
    assert ask(server, choice, 0) == "5"


def test_a_method_that_takes_any_type_takes_bytes_of_an_unknown_type(server: Running) -> None:
    choice = "test/choice/any"
    token = ask(server, choice, "any")
    reserved = server.send(f"/replies/{token}?type=statefun-actors/answer", b"x", "application/octet-stream", "POST")

    assert reserved.status == 422
    assert server.send(f"/replies/{token}?type=my/own", b"x", "application/octet-stream", "POST").status == 202
    assert ask(server, choice, 0) == "my/own"


def test_a_repeat_under_one_key_gets_the_same_answer_over_a_kill(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(Path(bank.__file__).read_text())
    with running(tmp_path) as server:
        answer = server.send("/ingress/bank/loan/a?type=io.statefun.types/string&wait=5s", "now")
        path = f"/replies/{answer.json}"
        first = server.send(path, GRANTED, method="POST", Idempotency_Key="k")
        again = server.send(path, GRANTED, method="POST", Idempotency_Key="k")
        late = server.send(path, GRANTED, method="POST", Idempotency_Key="late")
        server.process.kill()
        server.process.wait()
    with running(tmp_path) as server:
        later = server.send(path, GRANTED, method="POST", Idempotency_Key="k")
        other = server.send(path, {"granted": False}, method="POST", Idempotency_Key="k")
        unkeyed = server.send(path, GRANTED, method="POST")
        still_late = server.send(path, GRANTED, method="POST", Idempotency_Key="late")
        assert server.stop() == 0

    assert [first[:2], again[:2], later[:2]] == [(202, "")] * 3
    assert [late[:2], still_late[:2], unkeyed[:2]] == [NOT_OPEN] * 3
    assert other[:2] == (409, "another message was sent under the Idempotency-Key 'k'; use a new key\n")
    [(_, loan)] = read_entities(tmp_path / ".statefun" / "app.db", Loan)
    assert loan.verdicts == ["True"]


def test_a_message_arrives_after_its_delay_and_under_one_key_once(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(Path(bank.__file__).read_text())
    path = "/ingress/bank/account/ada?type=bank/deposit&after=1h"
    with running(tmp_path) as server:
        sent = [server.send(path, {"cents": 5}, Idempotency_Key="k").status for _ in range(2)]
        sent.append(server.send(path, {"cents": 5}).status)
        assert server.stop() == 0

    assert sent == [202] * 3
    reader = SqliteStore(tmp_path / ".statefun" / "app.db")
    try:
        assert [timer.target.id for timer in reader.timers_after(0, 0, 10)] == ["ada", "ada"]
    finally:
        reader.close()
