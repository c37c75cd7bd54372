"""The bank example: alone, together, from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from statefun_actors import KafkaRecord
from statefun_actors.testing import TestRuntime, given

BANK = Path(__file__).parents[2] / "examples" / "bank"


@pytest.fixture(scope="module")
def bank() -> Any:
    sys.path.insert(0, str(BANK))
    try:
        import bank
    finally:
        sys.path.remove(str(BANK))
    return bank


def test_a_withdrawal_beyond_the_balance_is_refused_and_changes_nothing(bank: Any) -> None:
    result = given(bank.Account, "ada", cents=300).when(bank.Withdraw(cents=500))

    assert result.reply == bank.Refused(reason="not enough money", balance=300)
    assert result.entity.cents == 300
    assert result.changed == {}
    assert result.sent == []


async def test_money_moves_and_the_audit_knows_it(bank: Any) -> None:
    async with TestRuntime(bank.Account, bank.Audit) as runtime:
        ada, bob = bank.Account.at("ada"), bank.Account.at("bob")
        await runtime.tell(ada, bank.Deposit(cents=1000))
        reply = await runtime.ask(ada, bank.Transfer(to="bob", cents=400), bank.Balance)
        await runtime.clock.advance(timedelta(days=31))

        assert reply == bank.Balance(cents=600)
        assert (runtime.state(ada).cents, runtime.state(bob).cents) == (600, 400)
        assert runtime.state(bank.Audit.at("book")).cents == 1000
        assert [record.key for record in runtime.egress("bank/reminders")] == ["ada", "bob"]
        assert runtime.egress("bank/receipts")[0] == KafkaRecord(topic="receipts", key="ada", value=b"deposit: 1000")


async def test_a_reminder_waits_for_the_last_booking(bank: Any) -> None:
    async with TestRuntime(bank.Account, bank.Audit) as runtime:
        ada = bank.Account.at("ada")
        for _ in range(3):
            await runtime.tell(ada, bank.Deposit(cents=1))
            await runtime.clock.advance(timedelta(days=20))
        before = runtime.state(ada).reminded
        await runtime.clock.advance(timedelta(days=20))

        assert (before, runtime.state(ada).reminded) == (0, 1)
        assert runtime.timers == []


async def test_a_bad_amount_becomes_a_dead_letter_and_nothing_else(bank: Any) -> None:
    async with TestRuntime(bank.Account, bank.Audit) as runtime:
        await runtime.tell(bank.Account.at("eve"), bank.Deposit(cents=-1))
        [record] = runtime.egress("bank/dead-letters")
        [letter] = runtime.dead_letters

        assert (letter.error_type, letter.attempts) == ("TerminalError", 1)
        assert json.loads(record.value)["error"] == "deposit: an amount is more than zero"
        assert runtime.state(bank.Account.at("eve")).cents == 0


def test_it_runs_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "statefun_actors", "run", str(BANK), "--input", str(BANK / "commands.jsonl")]
    options = ["--until-idle", "--json", "--egress", "bank/receipts=receipts.jsonl"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60)
    receipts = [json.loads(line) for line in (tmp_path / "receipts.jsonl").read_text().splitlines()]

    assert json.loads(done.stdout)["dead_letters"]
    assert [(receipt["key"], receipt["value"]) for receipt in receipts if receipt["key"] == "ada"] == [
        ("ada", "deposit: 10000"),
        ("ada", "to bob: -4000"),
    ]


def test_the_generated_code_is_that_of_the_definition() -> None:
    protoc = pytest.importorskip("grpc_tools.protoc", reason="grpcio-tools is in the extra dev")
    fresh = BANK / "bank.proto"
    out = subprocess.run(
        [sys.executable, "-m", protoc.__name__, f"-I{BANK}", "--descriptor_set_out=/dev/stdout", fresh.name],
        capture_output=True,
        check=True,
        cwd=BANK,
    ).stdout
    sys.path.insert(0, str(BANK))
    try:
        import bank_pb2
        from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
    finally:
        sys.path.remove(str(BANK))
    committed = FileDescriptorProto.FromString(bank_pb2.DESCRIPTOR.serialized_pb)
    [parsed] = FileDescriptorSet.FromString(out).file
    for message in parsed.message_type:
        for field in message.field:
            field.ClearField("json_name")

    assert committed == parsed
