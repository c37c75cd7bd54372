"""One meaning of ``tell`` and ``ask``: the same cases for both clients and both runtimes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from statefun_actors import (
    Address,
    KeyReusedError,
    MessageRefusedError,
    NoReplyError,
    NotServedError,
    ReplyTimeoutError,
    UnexpectedReplyError,
    UnhandledMessageError,
    ValueMismatchError,
)
from statefun_actors.client import AsyncClient, Client
from tests.client import bank
from tests.client.bank import Account, Deposit, Deposited, Echo
from tests.http.running import Running, running
from tests.runtime.kinds import KINDS, REAL, Calls, opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("bank")
    (folder / "app.py").write_text(Path(bank.__file__).read_text())
    with running(folder, "--memory") as server:
        yield server


@pytest.fixture(params=KINDS)
def calls(request: pytest.FixtureRequest, server: Running) -> Iterator[Calls]:
    with opened(request.param, f"http://{server.host}:{server.port}") as calls:
        yield calls


@pytest.fixture
def ada(request: pytest.FixtureRequest) -> Address:
    """An account of this test's own."""
    return Account.at(request.node.name)


def test_messages_are_handled_in_order_and_a_reply_is_typed(calls: Calls, ada: Address) -> None:
    calls.tell(ada, Deposit(cents=1))
    calls.tell(ada, Deposit(cents=2))

    assert calls.ask(ada, Deposit(cents=3), Deposited) == Deposited(balance=6)
    assert calls.ask(ada, Deposit(cents=4)) == Deposited(balance=10)


def test_a_handler_names_the_target_and_the_type_of_the_reply(calls: Calls, ada: Address) -> None:
    assert calls.ask(Account.deposit, ada.id, Deposit(cents=3)) == Deposited(balance=3)


def test_an_ask_by_a_handler_without_a_reply_returns_none_once_it_has_ended(calls: Calls, ada: Address) -> None:
    calls.tell(ada, Deposit(cents=3))

    assert calls.ask(Account.forget, ada.id, True) is None
    assert calls.ask(ada, Deposit(cents=1), Deposited) == Deposited(1)


def test_a_function_that_is_no_handler_is_refused(calls: Calls) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        calls.ask(print, "ada", Deposit(cents=1))

    assert str(caught.value) == (
        "expected an address, such as Account.at('ada'), or a handler and an id: "
        "ask(Account.deposit, 'ada', message), got <built-in function print> (builtin_function_or_method)"
    )


@pytest.mark.parametrize("value", [5, "h\u00e4llo", b"\x00\xff", 2.5, float("inf")], ids=repr)
def test_any_value_goes_there_and_back(calls: Calls, value: object) -> None:
    assert calls.ask(Echo.at("e"), value, type(value)) == value
    assert calls.ask(Echo.at("e"), value) == value


@pytest.mark.parametrize("id", ["a/b", "..", ".", "%2e", "\u00f6 \u00e4?#&", "/x/"])
def test_ids_are_what_they_are(calls: Calls, id: str) -> None:
    before = calls.ask(Account.at(id), Deposit(cents=0), Deposited).balance

    assert calls.ask(Address("bank/account", id), Deposit(cents=3), Deposited).balance == before + 3
    assert calls.ask(Account.at(id), Deposit(cents=0), Deposited).balance == before + 3


def test_an_address_that_knows_its_class_refuses_before_anything_is_sent(calls: Calls) -> None:
    with pytest.raises(UnhandledMessageError) as caught:
        calls.tell(Account.at("ada"), "hello")

    assert str(caught.value).startswith("Account (bank/account) ")


def test_a_text_is_no_address(calls: Calls) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        calls.tell("bank/account/ada", Deposit(cents=5))  # type: ignore[arg-type]

    assert str(caught.value) == (
        "expected an address, such as Account.at('ada'), or a handler and an id: "
        "ask(Account.deposit, 'ada', message), got 'bank/account/ada' (str)"
    )


def test_text_that_utf_8_cannot_encode_is_refused_before_anything_is_sent(calls: Calls) -> None:
    with pytest.raises(ValueMismatchError, match=r"^expected an id that UTF-8 can encode, got 'x\\ud800'"):
        calls.tell(Account.at("x\ud800"), Deposit(cents=1))
    with pytest.raises(ValueMismatchError, match=r"^expected an id that UTF-8 can encode, got 'x\\ud800'"):
        calls.ask(Account.deposit, "x\ud800", Deposit(cents=1))
    with pytest.raises(ValueMismatchError, match=r"^expected a token that UTF-8 can encode, got 'x\\ud800'"):
        calls.answer("x\ud800", Deposit(cents=1))


def test_messages_under_one_key_are_one_message(calls: Calls, ada: Address, request: pytest.FixtureRequest) -> None:
    key = request.node.name
    first = calls.ask(ada, Deposit(cents=5), Deposited, key=key)
    again = calls.ask(ada, Deposit(cents=5), Deposited, key=key)
    with pytest.raises(KeyReusedError):
        calls.tell(ada, Deposit(cents=6), key=key)

    assert (first, again) == (Deposited(5), Deposited(5))
    assert calls.ask(ada, Deposit(cents=1), Deposited) == Deposited(6)


def test_an_ask_under_the_key_of_a_tell_has_no_reply(
    calls: Calls, ada: Address, request: pytest.FixtureRequest
) -> None:
    key = request.node.name
    calls.tell(ada, Deposit(cents=5), key=key)
    for question in (ada, Deposit(cents=5), Deposited), (ada, Deposit(cents=5)), (Account.deposit, ada.id, Deposit(5)):
        with pytest.raises(NoReplyError) as caught:
            calls.ask(*question, key=key)

        assert str(caught.value) == (
            f"a call that did not wait has sent this message to {ada} under the same key: it is handled once, and no "
            "reply is kept. Make the first call an ask, too; or read what it has changed."
        )
    assert calls.ask(ada, Deposit(cents=1), Deposited) == Deposited(6)


def test_an_ask_with_a_type_waits_for_a_reply_of_another_entity(calls: Calls) -> None:
    assert calls.ask(Echo.at("e"), Deposit(cents=1), Deposited) == Deposited(7)


@pytest.mark.parametrize("calls", REAL, indirect=True)
def test_a_message_that_its_handler_gives_up_is_refused(calls: Calls, ada: Address) -> None:
    with pytest.raises(MessageRefusedError) as caught:
        calls.ask(ada, Deposit(cents=-1))

    assert str(caught.value) == f"{ada} refused the message: TerminalError: no such money"
    assert not caught.value.retryable


@pytest.mark.parametrize("calls", REAL, indirect=True)
def test_an_ask_without_a_reply_says_what_to_do(calls: Calls, ada: Address) -> None:
    with pytest.raises(NoReplyError) as caught:
        calls.ask(ada, True)

    assert str(caught.value) == (
        f"{ada} handled the message without a reply. Return one from its handler; or name the type of a reply that "
        "comes later, ask(address, message, Reply); or don't wait: tell(...)."
    )


def test_a_reply_of_another_type_is_an_error(calls: Calls) -> None:
    with pytest.raises(UnexpectedReplyError) as caught:
        calls.ask(Echo.at("e"), "hello", int)

    assert str(caught.value) == 'expected `int` in reply from test/echo/e, got io.statefun.types/string: "hello"'


def test_a_function_type_that_is_not_served_is_an_error(calls: Calls) -> None:
    with pytest.raises(NotServedError, match=r"^no/body/x is not served: .*bank/account"):
        calls.tell(Address("no/body", "x"), 1)


def test_an_ask_without_a_reply_is_an_error(calls: Calls, ada: Address) -> None:
    with pytest.raises(NoReplyError):
        calls.ask(ada, True)


@pytest.mark.parametrize("calls", REAL, indirect=True)
def test_a_reply_that_takes_too_long_is_a_timeout(calls: Calls, ada: Address) -> None:
    with pytest.raises(ReplyTimeoutError, match=r"Give it more time with timeout="):
        calls.ask(ada, 2.0, timeout=0.2)


def test_an_unknown_option_is_refused_with_the_names_of_those_there_are(calls: Calls, ada: Address) -> None:
    sends: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("'timout' of tell()", "after, key, timeout", lambda: calls.tell(ada, Deposit(cents=1), timout=2)),
        ("'timout' of ask()", "key, timeout", lambda: calls.ask(ada, Deposit(cents=1), Deposited, timout=2)),
        ("'after' of ask()", "key, timeout", lambda: calls.ask(ada, Deposit(cents=1), Deposited, after=2)),
        ("'timout' of answer()", "key, timeout", lambda: calls.answer("token", Deposit(cents=1), timout=2)),
    )
    for option, known, send in sends:
        with pytest.raises(TypeError) as caught:
            send()
        name = option.partition(" ")[0]
        expected = f"unknown option {option}; expected one of: {known}"
        # TestRuntime has parameters; from Python 3.13 on, its error may also suggest a name.
        assert str(caught.value) == expected or f"unexpected keyword argument {name}" in str(caught.value)

    assert calls.ask(ada, Deposit(cents=1), Deposited) == Deposited(balance=1)


def test_a_key_has_one_form_for_all(calls: Calls, ada: Address) -> None:
    keys = ("", 5, "\u043a", "\xe9", "\ud800", " a", "a ", "a\n", "a\tb", "\x7f", "k" * 256)
    got = [*("''", "5 (int)", "'\u043a'", "'\xe9'", r"'\ud800'", "' a'", "'a '"), r"'a\n'", r"'a\tb'", r"'\x7f'"]
    got.append("256 characters")
    for key, shown in zip(keys, got, strict=True):
        for send in _keyed(calls, ada, key):
            with pytest.raises(ValueMismatchError) as caught:
                send()
            assert str(caught.value) == (
                f"expected key= as 1 to 255 printable ASCII characters without a space at either end, got {shown}"
            )

    for key in ("k" * 255, "a b", '!"~'):
        account = Account.at(f"{ada.id} {key}")
        assert [calls.ask(account, Deposit(cents=1), Deposited, key=key).balance for _ in range(2)] == [1, 1]


def _keyed(calls: Calls, target: Address, key: object) -> tuple[Callable[[], object], ...]:
    return (
        lambda: calls.tell(target, Deposit(cents=1), key=key),
        lambda: calls.ask(target, Deposit(cents=1), Deposited, key=key),
        lambda: calls.answer("token", Deposit(cents=1), key=key),
    )


@pytest.mark.parametrize("timeout", ["2s", True, 0, -1, math.inf, math.nan, timedelta(days=4000)])
def test_a_timeout_is_more_than_zero_and_at_most_ten_years(calls: Calls, ada: Address, timeout: object) -> None:
    sends: tuple[Callable[[], object], ...] = (
        lambda: calls.tell(ada, Deposit(cents=1), timeout=timeout),
        lambda: calls.ask(ada, Deposit(cents=1), Deposited, timeout=timeout),
        lambda: calls.answer("token", Deposit(cents=1), timeout=timeout),
    )
    for send in sends:
        with pytest.raises(ValueMismatchError) as caught:
            send()
        assert str(caught.value) == (
            f"expected timeout= as a timedelta or seconds, more than zero and at most ten years, got {timeout!r}"
        )


def test_an_option_that_is_none_is_not_given(calls: Calls, ada: Address) -> None:
    calls.tell(ada, Deposit(cents=1), timeout=None, key=None, after=None)

    assert calls.ask(ada, Deposit(cents=1), Deposited, timeout=None, key=None) == Deposited(balance=2)


@pytest.mark.parametrize("timeout", [None, math.inf, 0])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_default_timeout_of_a_client_is_more_than_zero_and_at_most_ten_years(
    kind: type[Client | AsyncClient], timeout: Any
) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        kind("http://127.0.0.1", timeout=timeout)

    assert str(caught.value) == (
        f"expected timeout= as a timedelta or seconds, more than zero and at most ten years, got {timeout!r}"
    )
