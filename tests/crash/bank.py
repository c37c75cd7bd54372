"""The application under the crash test: transfers over several hops, delays, receipts, reminders.

Every transfer has a number. What it did is kept by number wherever it passes, so that afterwards nothing has to be
believed: lost and doubled steps are seen one by one.
"""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Entity, handles, message, persisted

OPENING = 1_000_000
"""What is on every account before its first transfer."""


@message("crash/transfer")
class Transfer:
    number: int
    hops: list[str]
    cents: int


@message("crash/hop")
class Hop:
    number: int
    hops: list[str]
    cents: int


@message("crash/remind")
class Remind:
    number: int


@message("crash/receipt")
class Receipt:
    number: int
    account: str


class Account(Entity, typename="crash/account"):
    balance: int = persisted(default=OPENING)
    sent: list[int] = persisted(factory=list)
    passed: list[int] = persisted(factory=list)
    received: list[int] = persisted(factory=list)
    reminded: list[int] = persisted(factory=list)

    @handles
    async def transfer(self, message: Transfer) -> int:
        self.balance -= message.cents
        self.sent.append(message.number)
        self.send(Account.at(message.hops[0]), Hop(message.number, message.hops[1:], message.cents))
        self.send_after(timedelta(milliseconds=20 + message.number % 200), self.address, Remind(message.number))
        self.send_egress("crash/sent", Receipt(message.number, self.id))
        return message.number

    @handles
    def hop(self, message: Hop) -> None:
        if not message.hops:
            self.balance += message.cents
            self.received.append(message.number)
            self.send_egress("crash/received", Receipt(message.number, self.id))
            return
        self.passed.append(message.number)
        onward = Hop(message.number, message.hops[1:], message.cents)
        if message.number % 3:
            self.send(Account.at(message.hops[0]), onward)
        else:
            self.send_after(0.01, Account.at(message.hops[0]), onward)

    @handles
    def remind(self, message: Remind) -> None:
        self.reminded.append(message.number)
        self.send_egress("crash/reminded", Receipt(message.number, self.id))
