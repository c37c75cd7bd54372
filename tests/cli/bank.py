"""The application of the tests of ``run``, its messages and its records."""

from __future__ import annotations

APP = '''
import asyncio
from datetime import timedelta
from pathlib import Path

from statefun_actors import Entity, handles, kafka_record, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


@message("bank/remind")
class Remind:
    pass


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> None:
        if message.cents < 0:
            raise ValueError("no such money")
        self.balance += message.cents
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=message))
        self.send_after(timedelta(days=30), self.address, Remind(), cancellation_token="idle")

    @handles
    def remind(self, message: Remind) -> None:
        self.send_egress("bank/reminders", self.now.date())


class Gate(Entity, typename="bank/gate"):
    """Tells that it has begun, and goes on once it may."""

    passed: int = persisted(default=0)

    @handles
    async def open(self, message: int) -> None:
        Path("begun").touch()
        while not Path("go").exists():
            await asyncio.sleep(0.001)
        self.passed += 1


class Loop(Entity, typename="bank/loop"):
    passed: int = persisted(default=0)

    @handles
    def turn(self, message: int) -> None:
        Path("begun").touch()
        while not Path("go").exists():
            pass
        self.passed += 1
'''


def deposit(id: str, cents: int) -> dict[str, object]:
    return {"to": f"bank/account/{id}", "type": "bank/deposit", "value": {"cents": cents}}


BATCH = ("app.py", "--input", "in.jsonl", "--until-idle")
RECEIPTS = ("--egress", "bank/receipts=out/receipts.jsonl")
