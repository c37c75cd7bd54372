"""A bank: protobuf messages, replies, records for Kafka, a reminder that is replaced, and what happens to bad messages.

    statefun-actors run examples/bank --input examples/bank/commands.jsonl --until-idle

Money moves between two accounts by a message from one to the other. That message leaves only if the withdrawal is
stored, and the two can't come apart: not by an error, not by a crash.
"""

from __future__ import annotations

from datetime import timedelta

from bank_pb2 import Balance, Deposit, Refused, Remind, Transfer, Withdraw

from statefun_actors import Address, DeadLetter, Entity, TerminalError, handles, kafka_record, message, persisted

IDLE = timedelta(days=30)


@message("bank/credit")
class Credit:
    """Money that comes from another account."""

    cents: int
    sender: Address


@message("bank/entry")
class Entry:
    """One line of the audit's book."""

    account: str
    what: str
    cents: int


class Account(Entity, typename="bank/account", on_failure=DeadLetter("bank/dead-letters", attempts=2, backoff=0.01)):
    """One account, by its owner's name."""

    cents: int = persisted(default=0)
    history: list[str] = persisted(factory=list, expire_after_write=timedelta(days=90))
    reminded: int = persisted(default=0)

    @handles(Deposit)
    def deposit(self, message: Deposit) -> Balance:
        self._book("deposit", message.cents)
        return Balance(cents=self.cents)

    @handles(Withdraw)
    def withdraw(self, message: Withdraw) -> Balance | Refused:
        if message.cents > self.cents:
            return Refused(reason="not enough money", balance=self.cents)
        self._book("withdrawal", -message.cents)
        return Balance(cents=self.cents)

    @handles(Transfer)
    def transfer(self, message: Transfer) -> Balance | Refused:
        if message.to == self.id:
            raise TerminalError("a transfer needs another account")
        if message.cents > self.cents:
            return Refused(reason="not enough money", balance=self.cents)
        self._book(f"to {message.to}", -message.cents)
        self.send(Account.at(message.to), Credit(cents=message.cents, sender=self.address))
        return Balance(cents=self.cents)

    @handles(Credit)
    def credit(self, message: Credit) -> None:
        self._book(f"from {message.sender.id}", message.cents)

    @handles(Remind)
    def remind(self, message: Remind) -> None:
        self.reminded += 1
        self.send_egress("bank/reminders", kafka_record(topic="reminders", key=self.id, value=message))

    def _book(self, what: str, cents: int) -> None:
        if cents == 0 or (cents < 0) != what.startswith(("withdrawal", "to ")):
            raise TerminalError(f"{what}: an amount is more than zero")
        self.cents += cents
        self.history.append(what)
        self.send(Audit.at("book"), Entry(account=self.id, what=what, cents=cents))
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=f"{what}: {cents}"))
        # Replaces the reminder that is pending: it comes 30 days after the last booking.
        self.send_after(IDLE, self.address, Remind(idle_days=IDLE.days), cancellation_token="idle")  # noqa: S106 - a name


class Audit(Entity, typename="bank/audit"):
    """The sum of all bookings. Transfers cancel out, so it is what the bank holds."""

    entries: int = persisted(default=0)
    cents: int = persisted(default=0)

    @handles(Entry)
    def note(self, message: Entry) -> None:
        self.entries += 1
        self.cents += message.cents
