"""The bank example: one account alone, several together in virtual time, and from the command line."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest
from bank import Account, Audit, Credit, Entry
from bank_pb2 import Balance, Deposit, Refused, Remind, Transfer, Withdraw

from statefun_actors import TerminalError, kafka_record
from statefun_actors.testing import Delayed, Sent, TestRuntime, given
from tests.cli.commands import run

BANK = Path(__file__).parents[2] / "examples" / "bank"
ADA, BOB = Account.at("ada"), Account.at("bob")


# --- one account alone


def test_a_deposit_is_booked_replied_to_and_receipted() -> None:
    result = given(Account, "ada", balance=300).when(Deposit(cents=200))

    entry = Entry("ada", "deposit", 200)
    assert result.reply == Balance(cents=500)
    assert result.entity == Account(balance=500, history=["deposit"])
    assert result.sent == [Sent(Audit.at("all"), entry)]
    assert result.egress == {"bank/receipts": [kafka_record(topic="receipts", key="ada", value=entry)]}
    assert result.delayed == [Delayed(ADA, Remind(idle_days=30), timedelta(days=30), "reminder")]


@pytest.mark.parametrize("message", [Withdraw(cents=500), Transfer(to="bob", cents=500)])
def test_changes_of_missing_things_are_refused(message: object) -> None:
    result = given(Account, "ada", balance=300).when(message)

    assert result.reply == Refused(reason="not enough money", balance=300)
    assert (result.changed, result.sent, result.egress) == ({}, [], {})


def test_a_transfer_is_a_debit_here_and_a_message_there() -> None:
    result = given(Account, "ada", balance=300).when(Transfer(to="bob", cents=100))

    assert result.entity == Account(balance=200, history=["to bob"])
    assert result.sent == [Sent(BOB, Credit(100, ADA)), Sent(Audit.at("all"), Entry("ada", "to bob", -100))]


def test_an_account_that_is_emptied_is_not_reminded() -> None:
    result = given(Account, "ada").when(Deposit(cents=5), Withdraw(cents=5))

    assert result.replies == [Balance(cents=5), Balance(cents=0)]
    assert result.delayed == []
    assert result.cancelled == ["reminder"]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (Deposit(cents=0), "an amount is more than zero, got 0"),
        (Withdraw(cents=-5), "an amount is more than zero, got -5"),
        (Transfer(to="ada", cents=5), "a transfer goes to another account, not to 'ada'"),
        (Transfer(cents=5), "a transfer goes to another account, not to ''"),
    ],
)
def test_a_bad_message_is_undone_and_the_others_of_its_batch_are_not(message: object, error: str) -> None:
    result = given(Account, "ada").when(Deposit(cents=5), message, Deposit(cents=5))

    [given_up] = result.dead_letters
    assert isinstance(given_up, TerminalError)
    assert str(given_up) == error
    assert result.entity == Account(balance=10, history=["deposit", "deposit"])


# --- several together


async def test_the_reminder_comes_30_days_after_the_last_booking() -> None:
    async with TestRuntime(Account, Audit) as runtime:
        for _ in range(3):
            await runtime.tell(ADA, Deposit(cents=1))
            await runtime.clock.advance(timedelta(days=29))
        assert runtime.state(ADA).reminded == 0

        await runtime.clock.advance(timedelta(days=1))

        assert runtime.state(ADA).reminded == 1
        [reminder] = runtime.egress("bank/reminders")
        assert reminder.value == b"3 cents have been idle for 30 days"


async def test_transfers_keep_the_total() -> None:
    choose = random.Random(7)
    names = ["ada", "bob", "eve"]
    async with TestRuntime(Account, Audit) as runtime:
        for name in names:
            await runtime.tell(Account.at(name), Deposit(cents=100))
        for _ in range(100):
            sender, to = choose.choices(names, k=2)
            await runtime.tell(Account.at(sender), Transfer(to=to, cents=choose.randrange(-5, 150)))

        accounts = [runtime.state(Account.at(name)) for name in names]
        assert sum(account.balance for account in accounts) == 300
        assert all(account.balance >= 0 for account in accounts)
        audit = runtime.state(Audit.at("all"))
        assert audit == Audit(entries=sum(len(account.history) for account in accounts), cents=300)
        assert runtime.dead_letters


# --- from the command line


def test_its_commands_run_as_the_docstring_says(tmp_path: Path) -> None:
    what = ["run", str(BANK), "--input", str(BANK / "commands.jsonl"), "--until-idle", "--fire-timers", "--json"]
    files = {name: tmp_path / f"{name}.jsonl" for name in ("receipts", "dead-letters", "reminders")}
    egress = [option for name, file in files.items() for option in ("--egress", f"bank/{name}={file}")]

    done = run(*what, *egress, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["entities"] == {"bank/account": 2, "bank/audit": 1}
    written = {
        name: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for name, file in files.items()
    }
    assert [line["value"] for line in written["receipts"] if line["key"] == "ada"] == [
        {"account": "ada", "what": "deposit", "cents": 10_000},
        {"account": "ada", "what": "to bob", "cents": -4_000},
        {"account": "ada", "what": "withdrawal", "cents": -6_000},
    ]
    [dead_letter] = written["dead-letters"]
    assert dead_letter["key"] == "bank/account/eve"
    assert dead_letter["value"]["error"] == "an amount is more than zero, got -1"
    assert [(line["key"], line["value"]) for line in written["reminders"]] == [
        ("bob", "6500 cents have been idle for 30 days")
    ]
