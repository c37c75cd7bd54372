"""``answer`` from outside, and ``tell(..., after=)``: the same cases for clients, runtimes and the test kit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from statefun_actors import (
    Address,
    KeyReusedError,
    MessageRefusedError,
    NoAnswer,
    NotOpenError,
    NotServedError,
    UnhandledMessageError,
    ValueMismatchError,
)
from tests.client import bank
from tests.client.bank import Account, Deposit, Deposited, Loan, Verdict
from tests.http.running import Running, running
from tests.runtime.kinds import KINDS, REAL, Calls, opened

REPLY = "statefun-actors/reply"
DEADLINE = 30.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("loans")
    (folder / "app.py").write_text(Path(bank.__file__).read_text())
    with running(folder, "--memory") as server:
        yield server


@pytest.fixture(params=KINDS)
def calls(request: pytest.FixtureRequest, server: Running) -> Iterator[Calls]:
    with opened(request.param, f"http://{server.host}:{server.port}") as calls:
        yield calls


@pytest.fixture
def loan(request: pytest.FixtureRequest) -> Address:
    """A loan of this test's own."""
    return Loan.at(request.node.name)


def test_a_token_or_its_address_is_answered_once(calls: Calls, loan: Address) -> None:
    first, second = calls.ask(loan, "now", str), calls.ask(loan, "now", str)
    calls.answer(first, Verdict(granted=True))
    calls.answer(Address(REPLY, second), Verdict(granted=False))
    for token in (first, second):
        with pytest.raises(NotOpenError) as caught:
            calls.answer(token, Verdict(granted=True))
        assert str(caught.value) == (
            f"the reply address {token[:8]}... takes no answer: it has been answered, its time is over, or it never "
            "was. `statefun-actors asks APP` lists the open ones."
        )

    assert calls.ask(loan, 0, str) == "True False"


def test_a_token_that_never_was_is_not_open(calls: Calls) -> None:
    with pytest.raises(NotOpenError):
        calls.answer("f" * 32, Verdict(granted=True))


@pytest.mark.parametrize("calls", REAL, indirect=True)
def test_a_token_whose_time_is_over_is_not_open(calls: Calls, loan: Address) -> None:
    token = calls.ask(loan, "briefly", str)
    end = time.monotonic() + DEADLINE
    while calls.ask(loan, 0, str) != "timeout":
        assert time.monotonic() < end

    with pytest.raises(NotOpenError):
        calls.answer(token, Verdict(granted=True))


@pytest.mark.parametrize("message", ["hello", NoAnswer(None, "timeout")], ids=["text", "NoAnswer"])
def test_an_answer_of_a_type_that_is_not_taken_leaves_the_ask_open(
    calls: Calls, loan: Address, message: object
) -> None:
    token = calls.ask(loan, "now", str)
    with pytest.raises((UnhandledMessageError, MessageRefusedError), match=r"Loan\.decided takes bank/verdict, got "):
        calls.answer(token, message)

    calls.answer(token, Verdict(granted=True))
    assert calls.ask(loan, 0, str) == "True"


def test_an_answer_under_one_key_counts_once_and_succeeds_twice(calls: Calls, loan: Address) -> None:
    token = calls.ask(loan, "now", str)
    calls.answer(token, Verdict(granted=True), key="k")
    calls.answer(token, Verdict(granted=True), key="k")
    with pytest.raises(KeyReusedError):
        calls.answer(token, Verdict(granted=False), key="k")
    with pytest.raises(NotOpenError):
        calls.answer(token, Verdict(granted=True), key="other")

    assert calls.ask(loan, 0, str) == "True"


@pytest.mark.parametrize("address", ["", Address("bank/loan", "x"), 5])
def test_a_malformed_reply_address_is_refused(calls: Calls, address: object) -> None:
    with pytest.raises(ValueMismatchError) as caught:
        calls.answer(address, Verdict(granted=True))  # type: ignore[arg-type]

    assert str(caught.value) == f"expected what self.reply_address(...) returned, or its id, got {address!r}"


@pytest.mark.parametrize("typename", [REPLY, "statefun-actors/schedule", "statefun-actors/other"])
def test_the_librarys_own_functions_are_not_served(calls: Calls, typename: str) -> None:
    with pytest.raises(NotServedError) as caught:
        calls.tell(Address(typename, "x"), 5)

    assert str(caught.value) == (
        f"{typename}/x is not served: {typename!r} takes no messages from outside: the namespace statefun-actors is "
        "this library's own. Answer an open ask by POST /replies/<token>, or by answer(token, message)."
    )


@pytest.mark.parametrize("calls", REAL, indirect=True)
def test_a_message_arrives_after_its_delay(calls: Calls, loan: Address) -> None:
    account = Account.at(loan.id)
    calls.tell(account, Deposit(cents=5), after=0.05)
    calls.tell(account, Deposit(cents=9), after=3600)
    end = time.monotonic() + DEADLINE
    while calls.ask(account, Deposit(cents=0), Deposited).balance != 5:
        assert time.monotonic() < end


def test_a_delay_is_not_negative(calls: Calls) -> None:
    with pytest.raises(ValueMismatchError, match=r"^expected a delay of zero or more, got -1"):
        calls.tell(Account.at("a"), Deposit(cents=5), after=-1)
