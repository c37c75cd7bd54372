"""Both clients against a real ``statefun-actors run``: one table of cases, run blocking and with asyncio."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from statefun_actors import Address, UnhandledMessageError, ValueMismatchError
from statefun_actors.client import (
    AsyncClient,
    Client,
    KeyReusedError,
    MessageRefusedError,
    NoReplyError,
    NotAdmittedError,
    NotServedError,
    ReplyTimeoutError,
    UnavailableError,
    UnexpectedReplyError,
)
from tests.client import bank
from tests.client.bank import Account, Deposit, Deposited, Echo
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


def test_told_messages_are_handled_in_order_and_a_reply_is_typed(client: Calls, ada: Address) -> None:
    client.tell(ada, Deposit(cents=1))
    client.tell(ada, Deposit(cents=2))

    assert client.ask(ada, Deposit(cents=3), Deposited) == Deposited(balance=6)


@pytest.mark.parametrize("value", [5, "hällo", b"\x00\xff", 2.5, float("inf")], ids=repr)
def test_any_value_goes_there_and_back(client: Calls, value: object) -> None:
    assert client.ask(Echo.at("e"), value, type(value)) == value
    assert client.ask(Echo.at("e"), value) == value


@pytest.mark.parametrize("id", ["a/b", "..", ".", "%2e", "ö ä?#&", "/x/"])
def test_ids_are_what_they_are(client: Calls, id: str) -> None:
    before = client.ask(Account.at(id), Deposit(cents=0), Deposited).balance

    assert client.ask(Address("bank/account", id), Deposit(cents=3), Deposited).balance == before + 3
    assert client.ask(Account.at(id), Deposit(cents=0), Deposited).balance == before + 3


def test_an_address_that_knows_its_class_refuses_before_anything_is_sent(client: Calls) -> None:
    with pytest.raises(UnhandledMessageError) as caught:
        client.tell(Account.at("ada"), "hello")

    assert str(caught.value).startswith("Account (bank/account) ")


def test_a_text_is_no_address(client: Calls) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        client.tell("bank/account/ada", Deposit(cents=5))  # type: ignore[arg-type]

    assert str(caught.value) == (
        "expected an address: Account.at('ada') or Address('bank/account', 'ada'), got 'bank/account/ada' (str)"
    )


def test_one_key_is_one_message(client: Calls, ada: Address, request: pytest.FixtureRequest) -> None:
    key = request.node.name
    first = client.ask(ada, Deposit(cents=5), Deposited, key=key)
    again = client.ask(ada, Deposit(cents=5), Deposited, key=key)
    with pytest.raises(KeyReusedError) as caught:
        client.tell(ada, Deposit(cents=6), key=key)

    assert (first, again) == (Deposited(5), Deposited(5))
    assert str(caught.value) == (
        f"{ada}: another message has been sent under the Idempotency-Key {key!r}; take a new key"
    )


def test_a_reply_from_another_entity_is_waited_for_if_asked(client: Calls) -> None:
    assert client.ask(Echo.at("e"), Deposit(cents=1), Deposited, until_reply=True) == Deposited(7)


def test_what_its_handler_gives_up_is_refused(client: Calls, ada: Address) -> None:
    with pytest.raises(MessageRefusedError) as caught:
        client.ask(ada, Deposit(cents=-1))

    assert str(caught.value) == f"{ada} refused the message: TerminalError: no such money"
    assert not caught.value.retryable


def test_what_its_target_does_not_take_is_refused(client: Calls) -> None:
    with pytest.raises(MessageRefusedError, match=r"^bank/account/x refused the message: .*bank/account.*string"):
        client.tell(Address("bank/account", "x"), "hello")


def test_no_reply_is_told_with_what_to_do(client: Calls, ada: Address) -> None:
    with pytest.raises(NoReplyError) as caught:
        client.ask(ada, True)

    assert str(caught.value) == (
        f"{ada} handled the message without a reply. Return one from its handler, wait for one that comes "
        "later with until_reply=True, or don't wait: tell(...)."
    )


def test_another_reply_than_expected_is_told(client: Calls) -> None:
    with pytest.raises(UnexpectedReplyError) as caught:
        client.ask(Echo.at("e"), "hello", int)

    assert str(caught.value) == (
        'expected `int` in reply from test/echo/e, got io.statefun.types/string: "hello"'
    )  # fmt: skip


def test_what_nobody_serves_is_told(client: Calls) -> None:
    with pytest.raises(NotServedError, match=r"^no/body/x is not served there: .*bank/account"):
        client.tell(Address("no/body", "x"), 1)


def test_a_reply_that_takes_too_long_is_not_waited_for(client: Calls, ada: Address) -> None:
    with pytest.raises(ReplyTimeoutError) as caught:
        client.ask(ada, 3.0, timeout=0.05)

    assert str(caught.value) == (
        f"no reply from {ada}: no answer came within 0.05 s; the message stays delivered. "
        "Give it more time with timeout=, or don't wait: tell(...)."
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
        "not admitted to bank/account/ada: this needs the token that the server was started with; "
        "send it as Authorization: Bearer <token>"
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
    client = KINDS[kind](url(server), timeout=0.3)
    with pytest.raises(UnavailableError) as caught:
        client.tell(Account.at("ada"), Deposit(cents=1), key="k")
    client.close()

    assert isinstance(caught.value, ConnectionError)
    assert caught.value.retryable
    assert caught.value.attempts >= 2
    assert re.fullmatch(
        r"bank/account/ada can't be reached, tried \d times in 0\.\d s: no connection \(.+\)\. "
        r"Send it again with key='k': it is then delivered once, whatever became of this call\.",
        str(caught.value),
    )


@pytest.mark.parametrize("bad", ["127.0.0.1:8080", "ftp://x", "http://"])
def test_what_is_no_url_is_refused_at_once(bad: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a URL such as http://127\.0\.0\.1:8080, got '"):
        Client(bad)
