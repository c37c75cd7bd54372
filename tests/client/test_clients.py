"""Both clients against a real ``statefun-actors run``: one table of cases, run blocking and with asyncio."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import pytest

from statefun_actors import Address
from statefun_actors.calls import UnexpectedReplyError, reply_type
from statefun_actors.calls.reply_type import any_reply_json
from statefun_actors.client import (
    AsyncClient,
    Client,
    MessageRefusedError,
    NotAdmittedError,
    ReplyTimeoutError,
    UnavailableError,
)
from tests.client import bank
from tests.client.bank import Account, Deposit, Deposited
from tests.http.running import Running, running


class Calls(Protocol):
    """Either client, called as if it were blocking."""

    def tell(self, target: Address, message: object, **options: Any) -> None: ...
    def ask(self, target: Address, message: object, *reply: Any, **options: Any) -> Any: ...
    def close(self) -> None: ...


class Awaited:
    """An AsyncClient whose calls are run to their end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = self._runner.run(self._made(*arguments, **options))

    @staticmethod
    async def _made(*arguments: Any, **options: Any) -> AsyncClient:
        return AsyncClient(*arguments, **options)

    def tell(self, target: Address, message: object, **options: Any) -> None:
        self._runner.run(self._client.tell(target, message, **options))

    def ask(self, target: Address, message: object, *reply: Any, **options: Any) -> Any:
        return self._runner.run(self._client.ask(target, message, *reply, **options))

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()


KINDS: dict[str, type[Any]] = {"blocking": Client, "asyncio": Awaited}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bank")
    (folder / "app.py").write_text(Path(bank.__file__).read_text())
    return folder


@pytest.fixture(scope="module")
def server(app: Path) -> Iterator[Running]:
    with running(app, "--memory") as server:
        yield server


def url(server: Running) -> str:
    return f"http://{server.host}:{server.port}"


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, server: Running) -> Iterator[Calls]:
    client = KINDS[request.param](url(server))
    yield client
    client.close()


@pytest.fixture
def ada(request: pytest.FixtureRequest) -> Address:
    """An account of this test's own."""
    return Account.at(request.node.name)


def test_a_message_that_its_target_does_not_take_is_refused(client: Calls) -> None:
    with pytest.raises(MessageRefusedError, match=r"^bank/account/x refused the message: .*bank/account.*string"):
        client.tell(Address("bank/account", "x"), "hello")


def test_a_reply_that_takes_too_long_is_not_waited_for(client: Calls, ada: Address) -> None:
    with pytest.raises(ReplyTimeoutError) as caught:
        client.ask(ada, 3.0, timeout=1)

    assert str(caught.value) == (
        f"no reply from {ada}: no answer within 1 s; the message stays delivered. "
        "Give it more time with timeout=; or don't wait, if its handler does not reply: tell(...)."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_opens_what_is_closed_without(kind: str, app: Path) -> None:
    with running(app, "--memory", "--token", "secret") as server:
        wrong, right = KINDS[kind](url(server), "guess"), KINDS[kind](url(server), token="secret")
        with pytest.raises(NotAdmittedError) as caught:
            wrong.tell(Account.at("ada"), Deposit(cents=1))
        balance = right.ask(Account.at("ada"), Deposit(cents=1), Deposited)
        wrong.close()
        right.close()

    assert balance == Deposited(1)
    assert str(caught.value) == (
        "not admitted to bank/account/ada: expected the server's token: send Authorization: Bearer <token>"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_of_the_server_is_waited_out_and_nothing_is_done_twice(kind: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(Path(bank.__file__).read_text())
    with running(tmp_path) as server:
        port = server.port
        client = KINDS[kind](url(server))
        client.tell(Account.at("ada"), Deposit(cents=1), key="first")
        server.stop()
    found: list[Deposited] = []
    asking = threading.Thread(
        target=lambda: found.append(client.ask(Account.at("ada"), Deposit(cents=1), Deposited, key="second"))
    )
    asking.start()
    with running(tmp_path, "--bind", f"127.0.0.1:{port}"):
        asking.join()
        client.tell(Account.at("ada"), Deposit(cents=1), key="first")
        found.append(client.ask(Account.at("ada"), Deposit(cents=1), Deposited, key="second"))
        found.append(client.ask(Account.at("ada"), Deposit(cents=1), Deposited))
    client.close()

    assert found == [Deposited(2), Deposited(2), Deposited(3)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_stays_away_is_given_up_after_the_timeout(kind: str, app: Path) -> None:
    with running(app, "--memory") as server:
        pass
    client = KINDS[kind](url(server), timeout=2.0)  # time for two attempts on a busy machine
    with pytest.raises(UnavailableError) as caught:
        client.tell(Account.at("ada"), Deposit(cents=1), key="k")
    client.close()

    assert isinstance(caught.value, ConnectionError)
    assert caught.value.retryable
    assert caught.value.attempts >= 2
    assert re.fullmatch(
        r"bank/account/ada can't be reached, tried \d+ times in [0-2]\.\d s: no connection (?:\(.+\)|in time)\. "
        r"Send it again with key='k': it is then delivered once, even if this call delivered it\.",
        str(caught.value),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_that_never_ends_is_not_read_beyond_the_timeout(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()
        serving = threading.Thread(target=_trickle, args=(listening, ended))
        serving.start()
        client = KINDS[kind](f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(ReplyTimeoutError) as caught:
            client.ask(Account.at("ada"), Deposit(cents=1), Deposited, timeout=0.1)
        client.close()
        ended.set()
        serving.join()

    assert str(caught.value) == (
        "no reply from bank/account/ada: no answer within 1.1 s. "
        "Give it more time with timeout=; or don't wait, if its handler does not reply: tell(...)."
    )


async def test_headers_that_never_end_are_not_read_beyond_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()
        serving = threading.Thread(target=_trickle, args=(listening, ended, b"HTTP/1.1 200 OK\r\nx: "))
        serving.start()
        async with AsyncClient(f"http://127.0.0.1:{listening.getsockname()[1]}") as client:
            async with asyncio.timeout(30):
                with pytest.raises(ReplyTimeoutError, match=r"no answer within 1\.1 s\."):
                    await client.ask(Account.at("ada"), Deposit(cents=1), Deposited, timeout=0.1)
        ended.set()
        serving.join()


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_whose_response_can_not_be_decoded_is_sent_again(kind: str) -> None:
    garbled = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_respond, args=(listening, garbled, b"HTTP/1.1 202 Accepted\r\n\r\n"))
        serving.start()
        client = KINDS[kind](f"http://127.0.0.1:{listening.getsockname()[1]}")
        client.tell(Account.at("ada"), Deposit(cents=1), timeout=30)
        client.close()
        serving.join()


def _respond(listening: socket.socket, *responses: bytes) -> None:
    """Respond to a request on each of the next connections."""
    for response in responses:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(response)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):  # closed with bytes unread, it would be reset
                pass


def _trickle(
    listening: socket.socket,
    ended: threading.Event,
    first: bytes = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n",
) -> None:
    """Respond to one request with *first*, and then with bytes that do not end before *ended*."""
    connection, _ = listening.accept()
    with connection, suppress(OSError):
        connection.recv(65_536)
        connection.sendall(first)
        while not ended.wait(0.02):
            connection.sendall(b"1")


def test_a_reply_that_is_nested_too_deep_is_unexpected() -> None:
    nested = b"[" * 100_000
    reason = "maximum recursion depth exceeded while deserializing an object"
    with pytest.raises(UnexpectedReplyError) as caught:
        reply_type(int).read_json(Account.at("ada"), "io.statefun.types/long", nested)
    with pytest.raises(UnexpectedReplyError) as of_any:
        any_reply_json(Account.at("ada"), "io.statefun.types/long", nested)

    assert [str(caught.value), str(of_any.value)] == [
        f"expected {expected} in reply from bank/account/ada, got io.statefun.types/long: {reason}"
        for expected in ("`int`", "a value")
    ]


@pytest.mark.parametrize("bad", ["127.0.0.1:8080", "ftp://x", "http://"])
def test_an_invalid_url_is_refused_at_once(bad: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a URL such as http://127\.0\.0\.1:8080, got '"):
        Client(bad)
