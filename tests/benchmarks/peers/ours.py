"""The workload on statefun_actors, as a class and as a function; also an APP for ``serve``."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import (
    Address,
    Context,
    Entity,
    RequestReplyHandler,
    StatefulFunctions,
    handles,
    kafka_record,
    persisted,
)
from tests.benchmarks.peers.loop import answer


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles(Duration)
    def deposit(self, message: Duration) -> None:
        self.balance += message.seconds
        self.send(Address("fraud/checker", self.id), message)
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=message))


class AsyncAccount(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles(Duration)
    async def deposit(self, message: Duration) -> None:
        self.balance += message.seconds
        self.send(Address("fraud/checker", self.id), message)
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=message))


class ThreeFields(Entity, typename="bank/account"):
    balance: int = persisted(default=0)
    deposits: int = persisted(default=0)
    last: str = persisted(default="")

    @handles(Duration)
    async def deposit(self, message: Duration) -> None:
        self.balance += message.seconds
        self.deposits += 1
        self.last = f"+{message.seconds}"
        self.send(Address("fraud/checker", self.id), message)
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=message))


functions, undeclared = StatefulFunctions(), StatefulFunctions()


@functions.bind("bank/account", states={"balance": int})
def account(context: Context, message: Duration) -> None:
    context["balance"] = (context["balance"] or 0) + message.seconds
    context.pack_and_send("fraud/checker", context.address.id, message)
    context.pack_and_send_egress("bank/receipts", kafka_record(topic="receipts", key=context.address.id, value=message))


@undeclared.bind("bank/account")
def account_of_any(context: Context, message: Duration) -> None:
    """The same with a protobuf message in an undeclared state, an ``Any``."""
    balance = Duration()
    if (held := context["balance"]) is not None:
        held.Unpack(balance)
    balance.seconds += message.seconds
    packed = Any()
    packed.Pack(balance)
    context["balance"] = packed
    context.pack_and_send("fraud/checker", context.address.id, message)
    context.pack_and_send_egress("bank/receipts", kafka_record(topic="receipts", key=context.address.id, value=message))


if __name__ == "__main__":
    answer(
        {
            "class": RequestReplyHandler(Account).handle,
            "async class": RequestReplyHandler(AsyncAccount).handle,
            "three fields": RequestReplyHandler(ThreeFields).handle,
            "function": RequestReplyHandler(functions).handle,
            "undeclared": RequestReplyHandler(undeclared).handle,
        }
    )
