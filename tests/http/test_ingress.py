"""The HTTP ingress of a real run: accepted messages, responses and refusals."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from statefun_actors.types import pack
from tests.cli.commands import run, started, states
from tests.http.running import JSON, Running, running

APP = '''
import asyncio
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from statefun_actors import Address, Discard, Entity, TerminalError, handles, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


@message("bank/deposited")
class Deposited:
    balance: int


@message("bank/close")
class Close:
    pass


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> Deposited:
        if message.cents < 0:
            raise TerminalError("no such\\nmoney")
        self.balance += message.cents
        return Deposited(self.balance)

    @handles
    def close(self, message: Close) -> None:
        self.clear()

    @handles(on_failure=Discard())
    def risky(self, message: str) -> None:
        raise ValueError(message)


class Counter(Entity, typename="test/counter"):
    """Takes one type."""

    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Values(Entity, typename="test/values"):
    """Sends back whatever comes."""

    @handles
    def echo(self, message: Duration | float | str | bytes | bool) -> None:
        self.reply(message)


class Anything(Entity, typename="test/anything"):
    @handles
    def take(self, message: Any) -> str:
        return f"{message.type_url} {message.value!r}"


class Forwarder(Entity, typename="test/forwarder"):
    """Answers later, and through another."""

    @handles
    def forward(self, message: str) -> None:
        if message != "nothing":
            self.send(Address("test/teller", self.id), f"{self.caller.typename} {self.caller.id}")


class Teller(Entity, typename="test/teller"):
    @handles
    def tell(self, message: str) -> None:
        self.send(Address(*message.split(" ")), "first")
        self.send(Address(*message.split(" ")), "second")


class Callers(Entity, typename="test/callers"):
    @handles
    def whom(self, message: bool) -> str:
        return self.caller.typename if self.caller else "nobody"


class Slow(Entity, typename="test/slow"):
    begun: int = persisted(default=0)

    @handles
    async def wait(self, message: float) -> None:
        await asyncio.sleep(message)
        self.begun += 1
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ingress")
    (path / "app.py").write_text(APP)
    return path


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with running(folder) as found:
        yield found


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


TYPES = (
    "application/json, application/vnd.<typename> (JSON as well), application/x-protobuf or application/octet-stream"
)
SURROGATE = r"expected text that UTF-8 can encode, got '\ud800', which holds a lone surrogate"
NO_ESCAPE = "a % in the path must begin an escape such as %2F; write % itself as %25\n"


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status", "text"),
    [
        ("/ingress/bank/none/a", JSON, b"1", 404, "nothing here serves 'bank/none'; served are bank/account"),
        ("/ingress/bank/account", JSON, b"1", 404, "expected the path /ingress/<namespace>/<name>/<id>\n"),
        ("/ingress/bank/account/", JSON, b"1", 404, "expected the path /ingress/<namespace>/<name>/<id>\n"),
        ("/ingress/bank/account/%ff", JSON, b"1", 400, "expected a path in percent-encoded UTF-8\n"),
        ("/ingress/bank/account/%zz", JSON, b"1", 400, NO_ESCAPE),
        ("/ingress/bank/account/a%2", JSON, b"1", 400, NO_ESCAPE),
        ("/ingress/bank/account/%%41", JSON, b"1", 400, NO_ESCAPE),
        ("/ingress/bank/acc%unt/a", JSON, b"1", 400, NO_ESCAPE),
        ("/elsewhere", JSON, b"1", 404, "Not Found\n"),
        (
            "/ingress/bank/account/a?type=x/y",
            JSON,
            b"1",
            422,
            "bank/account takes bank/close, bank/deposit, io.sta",
        ),
        ("/ingress/bank/account/a", JSON, b"{}", 422, "bank/account takes bank/close and bank/deposit and io.statefun"),
        ("/ingress/test/counter/a", JSON, b'"x"', 422, "expected `int`, got `str`\n"),
        ("/ingress/test/counter/a", JSON, b"{", 422, "the body is not JSON: Input data was truncated\n"),
        ("/ingress/test/counter/a", JSON, b'"\\ud800"', 422, f"the body is not JSON: {SURROGATE}\n"),
        (
            "/ingress/test/counter/a",
            JSON,
            b'{"a": ["\\udc00\\ud800"]}',
            422,
            "the body is not JSON: expected text that UTF",
        ),
        ("/ingress/test/counter/a", JSON, b'"\xed\xa0\x80"', 422, f"the body is not JSON: {SURROGATE}\n"),
        ("/ingress/test/counter/a", JSON, b'"\xff"', 422, "the body is not JSON: "),
        ("/ingress/test/counter/a", JSON, b"", 422, "the body is not JSON: Input data was truncated\n"),
        (
            "/ingress/test/counter/a",
            JSON,
            b'{"a b": [1, 1e400]}',
            422,
            "the body is not JSON: expected a number up to 1.8e308, got a larger one - at `$['a b'][1]`\n",
        ),
        (
            "/ingress/bank/account/a?type=bank/deposit",
            JSON,
            b'{"cents": 1, "cents": 2}',
            422,
            'expected each key once, got "cents" twice in one object\n',
        ),
        ("/ingress/test/counter/a", "application/octet-stream", b"\xff", 422, "the body can't be read: "),
        ("/ingress/test/anything/a?type=any/thing", JSON, b"{}", 422, "test/anything takes messages of any type, but"),
        (
            "/ingress/test/counter/a",
            "text/plain",
            b"1",
            415,
            f"expected the Content-Type {TYPES}\n",
        ),
        ("/ingress/test/counter/a?type=io.statefun.types/long", None, b"1", 415, f"expected the Content-Type {TYPES}"),
        ("/ingress/test/counter/a?wait=6m", JSON, b"1", 400, "?wait=: expected a duration, such as 500ms, 5s, 2m"),
        ("/ingress/test/counter/a?wait=0", JSON, b"1", 400, "?wait=: expected a duration, such as 500ms, 5s, 2m"),
        ("/ingress/test/counter/a?until=reply", JSON, b"1", 400, "expected until= as ?wait=5s&until=reply: "),
        (
            "/ingress/test/counter/a?wiat=5s",
            JSON,
            b"1",
            400,
            "unknown parameter ?wiat=; expected one of: type, wait, until, after\n",
        ),
        ("/ingress/test/counter/a?after=soon", JSON, b"1", 400, "?after=: expected a duration, such as 500ms, 5s, 2m"),
        (
            "/ingress/test/counter/a?after=999999d",
            JSON,
            b"1",
            400,
            "?after=: expected a delay of at most 365,250 days, got '999999d'\n",
        ),
        (
            "/ingress/test/counter/a?after=1s&wait=5s",
            JSON,
            b"1",
            400,
            "?after= and ?wait= exclude each other: a delayed",
        ),
        ("/ingress/statefun-actors/reply/a?type=a/b", JSON, b"1", 404, "'statefun-actors/reply' takes no messages fro"),
        ("/ingress/test/counter/a?wait=5s&wait=6s", JSON, b"1", 400, "expected one ?wait=, got two\n"),
        (
            "/ingress/test/counter/a?type=a/b",
            "application/vnd.c/d",
            b"1",
            400,
            "expected one type, got two: ?type=a/b and Content-Type",
        ),
        ("/ingress", JSON, b"1", 415, "expected lines of JSON, with Content-Type: application/jsonl; send one"),
        ("/ingress?wait=5s", "application/jsonl", b"", 400, "expected no query with many messages: "),
    ],
)
def test_refused_requests_and_their_reasons(
    server: Running, path: str, content_type: str | None, body: bytes, status: int, text: str
) -> None:
    answer = server.send(path, body, content_type)

    assert (answer.status, answer.text[: len(text)]) == (status, text)
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize("path", ["/ingress/test/counter/a", "/ingress"])
def test_only_put_and_post_send(server: Running, path: str) -> None:
    answer = server.send(path, method="GET")

    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT")


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/healthz", 200, "alive\n"),
        ("GET", "/readyz?now", 200, "ready\n"),
        ("HEAD", "/readyz", 200, ""),
        ("POST", "/healthz", 405, "Method Not Allowed\n"),
        ("GET", "/nothing", 404, "Not Found\n"),
        ("DELETE", "/elsewhere", 404, "Not Found\n"),
    ],
)
def test_on_the_port_of_the_ingress_it_says_only_how_it_is(
    server: Running, method: str, path: str, status: int, text: str
) -> None:
    answer = server.send(path, method=method)

    assert (answer.status, answer.text) == (status, text)


def test_a_websocket_is_refused(server: Running) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }

    assert server.send("/healthz", method="GET", **upgrade).status == 403


def test_an_encoded_body_is_refused(server: Running) -> None:
    answer = server.send("/ingress/test/counter/a", b"1", Content_Encoding="gzip")

    assert (answer.status, answer.headers["accept-encoding"]) == (415, "identity")


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


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:8080"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://localhost:1234.evil.example"}, 403),
        ({"Host": "localhost", "Origin": "http://localhost.evil.example"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://evil.localhost:1234"}, 403),
        ({"Host": "localhost:1234", "Origin": "ftp://localhost:1234"}, 403),
        ({"Host": "localhost:1234", "Origin": "localhost:1234"}, 403),
        ({"Host": "localhost.evil.example"}, 403),
        ({"Host": "localhost@evil.example"}, 403),
        ({"Host": "localhost:evil.example"}, 403),
        ({"Host": "localhost:1234", "Origin": "http://localhost:1234"}, 200),
        ({"Host": "localhost:1234", "Origin": "https://LOCALHOST:1234"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "app.localhost:80"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "127.0.0.2"}, 200),
    ],
)
def test_a_page_of_another_site_gets_nowhere(server: Running, headers: dict[str, str], status: int) -> None:
    assert server.send("/ingress/test/counter/guard?wait=5s", 0, **headers).status == status
    assert server.send("/elsewhere", 0, **headers).status == (404 if status == 200 else status)
    assert server.send("/healthz", method="GET", **headers).status == 200


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


@pytest.mark.parametrize("key", ["", " ", "k" * 256])
def test_a_key_has_a_length(server: Running, key: str) -> None:
    answer = server.send("/ingress/test/counter/key", 1, Idempotency_Key=key)

    assert answer[:2] == (400, f"expected an Idempotency-Key of 1 to 255 characters, got {len(key.strip())}\n")


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
