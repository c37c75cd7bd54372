"""The same workload as entities."""

from bank_pb2 import Deposit

from statefun_actors import Entity, handles, message, persisted


@message("bench/add")
class Add:
    n: int


@message("bench/total")
class Total:
    n: int


@message("bench/add-silently")
class AddSilently:
    n: int


class Counter(Entity, typename="bench/counter"):
    n: int = persisted(default=0)

    @handles
    def add(self, message: Add) -> Total:
        self.n += message.n
        return Total(self.n)

    @handles
    def add_silently(self, message: AddSilently) -> None:
        self.n += message.n

    @handles
    def add_number(self, message: int) -> int:
        self.n += message
        return self.n

    @handles
    def add_protobuf(self, message: Deposit) -> Deposit:
        self.n += message.cents
        return Deposit(cents=self.n)


class Relay(Entity, typename="bench/relay"):
    @handles
    def forward(self, message: Add) -> None:
        self.send(Counter.at(self.id), AddSilently(message.n))
