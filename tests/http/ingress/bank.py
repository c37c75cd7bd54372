"""The application behind the ingress."""

from __future__ import annotations

APP = '''
import asyncio
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from statefun_actors import Address, Discard, Entity, TerminalError, handles, message, persisted


@message("bank/deposit")
class Deposit:
    cents: int


@message("bank/deposited")
class Deposited:
    balance: int


@message("bank/close")
class Close:
    pass


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> Deposited:
        if message.cents < 0:
            raise TerminalError("no such\\nmoney")
        self.balance += message.cents
        return Deposited(self.balance)

    @handles
    def close(self, message: Close) -> None:
        self.clear()

    @handles(on_failure=Discard())
    def risky(self, message: str) -> None:
        raise ValueError(message)


class Counter(Entity, typename="test/counter"):
    """Takes one type."""

    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Values(Entity, typename="test/values"):
    """Sends back whatever comes."""

    @handles
    def echo(self, message: Duration | float | str | bytes | bool) -> None:
        self.reply(message)


class Anything(Entity, typename="test/anything"):
    @handles
    def take(self, message: Any) -> str:
        return f"{message.type_url} {message.value!r}"


class Forwarder(Entity, typename="test/forwarder"):
    """Answers later, and through another."""

    @handles
    def forward(self, message: str) -> None:
        if message != "nothing":
            self.send(Address("test/teller", self.id), f"{self.caller.typename} {self.caller.id}")


class Teller(Entity, typename="test/teller"):
    @handles
    def tell(self, message: str) -> None:
        self.send(Address(*message.split(" ")), "first")
        self.send(Address(*message.split(" ")), "second")


class Callers(Entity, typename="test/callers"):
    @handles
    def whom(self, message: bool) -> str:
        return self.caller.typename if self.caller else "nobody"


class Slow(Entity, typename="test/slow"):
    begun: int = persisted(default=0)

    @handles
    async def wait(self, message: float) -> None:
        await asyncio.sleep(message)
        self.begun += 1
'''
