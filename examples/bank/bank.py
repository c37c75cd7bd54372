r"""A bank: protobuf messages, replies, money between two accounts, receipts, a reminder, and bad messages.

    statefun-actors run examples/bank --input examples/bank/commands.jsonl --until-idle \
        --egress bank/receipts=receipts.jsonl --egress bank/dead-letters=dead-letters.jsonl

A transfer is a message from one account to another. It leaves if, and only if, the debit is stored, and arrives once:
no error and no crash can come between the two. With ``--fire-timers`` the reminders come, too, 30 days ahead of time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bank_pb2 import Balance, Deposit, Refused, Remind, Transfer, Withdraw

from statefun_actors import Address, DeadLetter, Entity, TerminalError, handles, kafka_record, message, persisted

REMIND_AFTER: Final = timedelta(days=30)
REMINDER: Final = "reminder"


@message("bank/credit")
class Credit:
    """The other half of a transfer. Protobuf is not a must: what stays inside can be a Python class."""

    cents: int
    sender: Address


@message("bank/entry")
class Entry:
    """One booking, for the audit and as a receipt."""

    account: str
    what: str
    cents: int


class Account(Entity, typename="bank/account", on_failure=DeadLetter("bank/dead-letters")):
    """The account of one customer."""

    balance: int = persisted(default=0)
    history: list[str] = persisted(factory=list[str], expire_after_write=timedelta(days=90))
    reminded: int = persisted(default=0)

    @handles(Deposit)
    def deposit(self, message: Deposit) -> Balance:
        return self._booked("deposit", amount(message.cents))

    @handles(Withdraw)
    def withdraw(self, message: Withdraw) -> Balance | Refused:
        cents = amount(message.cents)
        if cents > self.balance:
            return Refused(reason="not enough money", balance=self.balance)
        return self._booked("withdrawal", -cents)

    @handles(Transfer)
    def transfer(self, message: Transfer) -> Balance | Refused:
        cents = amount(message.cents)
        if message.to in ("", self.id):
            raise TerminalError(f"a transfer goes to another account, not to {message.to!r}")
        if cents > self.balance:
            return Refused(reason="not enough money", balance=self.balance)
        self.send(Account.at(message.to), Credit(cents, self.address))
        return self._booked(f"to {message.to}", -cents)

    @handles(Credit)
    def credit(self, message: Credit) -> None:
        self._booked(f"from {message.sender.id}", message.cents)

    @handles(Remind)
    def remind(self, message: Remind) -> None:
        self.reminded += 1
        text = f"{self.balance} cents have been idle for {message.idle_days} days"
        self.send_egress("bank/reminders", kafka_record(topic="reminders", key=self.id, value=text))

    def _booked(self, what: str, cents: int) -> Balance:
        self.balance += cents
        self.history.append(what)
        entry = Entry(self.id, what, cents)
        self.send(Audit.at("all"), entry)
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=entry))
        if self.balance:
            # It takes the place of the one that is pending, so it comes 30 days after the last booking.
            self.send_after(
                REMIND_AFTER, self.address, Remind(idle_days=REMIND_AFTER.days), cancellation_token=REMINDER
            )
        else:
            self.cancel(REMINDER)
        return Balance(cents=self.balance)


class Audit(Entity, typename="bank/audit"):
    """All bookings. Since the two halves of a transfer cancel out, the sum is what was paid in and not yet paid out."""

    entries: int = persisted(default=0)
    cents: int = persisted(default=0)

    @handles(Entry)
    def note(self, entry: Entry) -> None:
        self.entries += 1
        self.cents += entry.cents


def amount(cents: int) -> int:
    """*cents*, if that can be an amount of money.

    Raises:
        TerminalError: it can't, however often one tries.
    """
    if cents <= 0:
        raise TerminalError(f"an amount is more than zero, got {cents}")
    return cents
