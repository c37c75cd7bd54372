"""Entities with a history, and what it has of them."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, DeadLetter, Entity, handles, persisted
from statefun_actors.engine import EngineOptions
from statefun_actors.history import Entry, read_entries
from statefun_actors.store import Store
from statefun_actors.types import pack

ON = EngineOptions(history=100)


class Second(Entity, typename="test/second"):
    total: int = persisted(default=0)

    @handles(int)
    def add(self, message: int) -> None:
        self.total += message


class First(Entity, typename="test/first"):
    total: int = persisted(default=0)
    failures = 0

    @handles(int)
    def add(self, message: int) -> None:
        self.total += message
        self.send(Second.at(self.id), message)
        self.send_after(timedelta(minutes=1), Second.at(self.id), message, cancellation_token="later")
        self.send_egress("test/out", f"{message}")

    @handles(str, on_failure=DeadLetter("test/dead", attempts=1))
    def refuse(self, message: str) -> None:
        raise ValueError(f"not {message}")

    @handles(bool)
    def flaky(self, message: bool) -> None:
        First.failures += 1
        if First.failures == 1:
            raise OSError("the disk is full")


A = First.at("a")


def of(store: Store, address: Address) -> list[Entry]:
    return [entry for _, entry in read_entries(store, [address])]


def packed(value: object) -> tuple[str, bytes]:
    packed = pack(value)
    return (packed.typename, packed.value)
