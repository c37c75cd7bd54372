"""µs for one batch of 1, 10 and 100 messages through ``dispatch`` alone, and for each further message.

    python -m tests.benchmarks.dispatch

An entity with three fields, one of which each message reads and writes; `sending` also sends a message and an egress
record. The best of several rounds, in turns, since the machine's mood changes.
"""

from __future__ import annotations

import time
from typing import Any

from statefun_actors import Address, Discard, Entity, handles, kafka_record, persisted
from statefun_actors.dispatch import Application, SystemHost, dispatch
from statefun_actors.model import Batch, Done, Invocation, State, TypedValue
from statefun_actors.types import pack

SIZES = (1, 10, 100)
ROUNDS = 9
MESSAGES_A_ROUND = 20_000

_ELSEWHERE = Address("fraud/checker", "ada")


class Fields(Entity):
    balance: int = persisted(default=0)
    history: list[str] = persisted(factory=list)
    owner: str | None = persisted()


class Plain(Fields, typename="bench/plain"):
    @handles(int)
    def deposit(self, message: int) -> None:
        self.balance += message


class Async(Fields, typename="bench/async"):
    @handles(int)
    async def deposit(self, message: int) -> None:
        self.balance += message


class Guarded(Plain, typename="bench/guarded", on_failure=Discard()):
    pass


class Sending(Fields, typename="bench/sending"):
    @handles(int)
    def deposit(self, message: int) -> None:
        self.balance += message
        self.send(_ELSEWHERE, message)
        self.send_egress("bench/receipts", kafka_record(topic="receipts", value=b"receipt"))


class History(Fields, typename="bench/history"):
    @handles(int)
    def deposit(self, message: int) -> None:
        self.history.append("deposit")
        del self.history[:-5]


APP = Application(Plain, Async, Guarded, Sending, History)
HOST = SystemHost()
STATE: State = {"balance": pack(5), "history": TypedValue("statefun-actors/json", b'["a"]'), "owner": pack("ada")}


def batch_of(size: int, typename: str) -> Batch:
    caller = Address("bank/user", "ada")
    return Batch(Address(typename, "ada"), STATE, [Invocation(pack(3), caller) for _ in range(size)])


def run(batch: Batch) -> Any:
    try:
        dispatch(batch, APP, HOST).send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits for something")


def seconds(batch: Batch) -> float:
    """The time of one run of *batch*, the mean over a round."""
    runs = range(MESSAGES_A_ROUND // len(batch.invocations))
    before = time.perf_counter()
    for _ in runs:
        run(batch)
    return (time.perf_counter() - before) / len(runs)


def main() -> None:
    batches = {(name, size): batch_of(size, name) for name in APP.served for size in SIZES}
    for batch in batches.values():
        assert isinstance(run(batch), Done), run(batch)
    best = dict.fromkeys(batches, float("inf"))
    for _ in range(ROUNDS):
        for key, batch in batches.items():
            best[key] = min(best[key], seconds(batch))
    print(f"{'µs a batch of':16}" + "".join(f"{size:>9}" for size in SIZES) + f"{'a further one':>16}")
    for name in APP.served:
        figures = [best[name, size] * 1e6 for size in SIZES]
        further = (figures[-1] - figures[0]) / (SIZES[-1] - SIZES[0])
        print(f"{name.removeprefix('bench/'):16}" + "".join(f"{each:9.2f}" for each in figures) + f"{further:16.2f}")


if __name__ == "__main__":
    main()
