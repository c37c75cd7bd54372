"""An account that answers its caller, or writes a record, for the benchmark of the gateway."""

from __future__ import annotations

from typing import Final

from statefun_actors import Discard, Entity, handles, kafka_record, message, persisted

OUT: Final = "bare.out"


@message("bench/bare")
class Bare:
    """Written to Kafka: the balance becomes a record."""

    amount: int


@message("bench/ask")
class Ask:
    """Sent over HTTP: the balance is the reply."""

    amount: int


class Account(Entity, typename="bench/account", on_failure=Discard()):
    balance: int = persisted(default=0)

    @handles
    def bare(self, message: Bare) -> None:
        self.balance += message.amount
        self.send_egress("bench/receipts", kafka_record(topic=OUT, key=self.id, value=str(self.balance)))

    @handles
    def asked(self, message: Ask) -> int:
        self.balance += message.amount
        return self.balance
