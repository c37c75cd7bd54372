"""The application that the clients under test call. It can also run by itself."""

import asyncio
from datetime import timedelta

from statefun_actors import Address, Entity, NoAnswer, TerminalError, answers, handles, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


@message("bank/deposited")
class Deposited:
    balance: int


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> Deposited:
        if message.cents < 0:
            raise TerminalError("no such money")
        self.balance += message.cents
        return Deposited(self.balance)

    @handles
    def forget(self, message: bool) -> None:
        self.balance = 0

    @handles
    async def dawdle(self, message: float) -> str:
        await asyncio.sleep(message)
        return "done"


class Echo(Entity, typename="test/echo"):
    """Replies with its message, or has another entity reply."""

    @handles
    def back(self, message: int | str | bytes | float) -> None:  # noqa: PYI041 - they are two types on the wire
        self.reply(message)

    @handles
    def through(self, message: Deposit) -> None:
        assert self.caller is not None
        self.send(Address("test/later", self.id), f"{self.caller.typename}|{self.caller.id}")


class Later(Entity, typename="test/later"):
    @handles
    def answer(self, message: str) -> None:
        typename, id = message.split("|")
        self.send(Address(typename, id), Deposited(7))


@message("bank/verdict")
class Verdict:
    granted: bool


class Loan(Entity, typename="bank/loan"):
    """Waits for somebody's verdict: the reply to a text is the token of the ask, which is open for that long."""

    verdicts: list[str] = persisted(factory=list)

    @handles
    def apply(self, message: str) -> str:
        wait = timedelta(milliseconds=1) if message == "briefly" else timedelta(hours=1)
        return self.reply_address(then=self.decided, timeout=wait).id

    @answers
    def decided(self, answer: Verdict | NoAnswer) -> None:
        self.verdicts.append(str(answer.granted) if isinstance(answer, Verdict) else answer.reason)

    @handles
    def seen(self, message: int) -> str:
        return " ".join(self.verdicts)
