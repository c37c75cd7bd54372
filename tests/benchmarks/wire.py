"""µs for one request: read, then written with one message and one egress record for each invocation.

    python -m tests.benchmarks.wire

Beside it the same with the generated classes alone, in turns within one run: the machine's mood changes, ratios hold.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from statefun_actors.address import Address
from statefun_actors.model import Batch, Done, Effect, Egress, Invocation, Send, TypedValue
from statefun_actors.wire import V2, V3, v3_pb2
from tests.wire.reference import KAFKA, request

_T = TypeVar("_T")

ROUNDS = 15
INVOCATIONS_A_ROUND = 10_000  # more callers than are remembered from one round to the next


def batch_of(size: int, number: int) -> Batch:
    """A batch with one state and *size* invocations, each with a caller that no other batch has."""
    return Batch(
        Address("bank/account", f"account-{number}"),
        {"balance": TypedValue("io.statefun.types/long", b"\x09\x05" + bytes(7))},
        [
            Invocation(
                TypedValue("type.googleapis.com/bank.Deposit", b"\x08" + bytes([index % 128])),
                Address("bank/user", f"user-{number}-{index}"),
            )
            for index in range(size)
        ],
    )


def effects_of(size: int) -> list[Effect]:
    effects: list[Effect] = []
    for index in range(size):
        effects.append(
            Send(
                Address("fraud/checker", f"user-{index * 37}"),
                TypedValue("type.googleapis.com/bank.Deposit", b"\x08\x05"),
            )
        )
        effects.append(Egress("bank/receipts", TypedValue(KAFKA, bytes(20 + index % 30))))
    return effects


def changes() -> dict[str, TypedValue | None]:
    return {"balance": TypedValue("io.statefun.types/long", b"\x09\x06" + bytes(7))}


def with_classes_read(data: bytes) -> Batch:
    message = v3_pb2.ToFunction.FromString(data).invocation
    state: dict[str, TypedValue | None] = {}
    for entry in message.state:
        held = entry.state_value
        state[entry.state_name] = TypedValue(held.typename, held.value) if held.has_value else None
    invocations: list[Invocation] = []
    for invocation in message.invocations:
        caller = None
        if invocation.HasField("caller"):
            address = invocation.caller
            caller = Address(f"{address.namespace}/{address.type}", address.id)
        argument = invocation.argument
        if not argument.has_value:
            raise ValueError
        invocations.append(Invocation(TypedValue(argument.typename, argument.value), caller))
    target = message.target
    return Batch(Address(f"{target.namespace}/{target.type}", target.id), state, invocations)


def with_classes_written(outcome: Done) -> bytes:
    message = v3_pb2.FromFunction()
    result = message.invocation_result
    for name, change in outcome.changes.items():
        mutation = result.state_mutations.add()
        mutation.state_name = name
        if change is not None:
            mutation.mutation_type = 1
            fill(mutation.state_value, change)
    messages, egresses = result.outgoing_messages, result.outgoing_egresses
    for effect in outcome.effects:
        if isinstance(effect, Send):
            sent = messages.add()
            target = sent.target
            target.namespace, _, target.type = effect.target.typename.rpartition("/")
            target.id = effect.target.id
            fill(sent.argument, effect.value)
        elif isinstance(effect, Egress):
            record = egresses.add()
            record.egress_namespace, _, record.egress_type = effect.egress.rpartition("/")
            fill(record.argument, effect.value)
    return message.SerializeToString()


def fill(message: v3_pb2.TypedValue, value: TypedValue) -> None:
    message.typename = value.typename
    message.has_value = True
    message.value = value.value


def microseconds(run: Callable[[_T], object], inputs: list[_T]) -> float:
    """The time of one *run*. Results are not kept, or the garbage collector would be measured."""
    start = time.perf_counter()
    for each in inputs:
        run(each)
    return (time.perf_counter() - start) / len(inputs) * 1e6


def measured(size: int) -> dict[str, float]:
    outcome = Done(effects_of(size), changes())
    assert V3.write(outcome, token_prefix="bank/account") == with_classes_written(outcome)
    times = INVOCATIONS_A_ROUND // size
    requests = {dialect: [request(dialect, batch_of(size, number)) for number in range(times)] for dialect in (V3, V2)}
    assert V3.read(requests[V3][0]) == with_classes_read(requests[V3][0])

    known = {dialect: requests[dialect][:1] * times for dialect in requests}
    outcomes = [outcome] * times
    runs: dict[str, Callable[[], float]] = {
        "3.x read, callers new": lambda: microseconds(V3.read, requests[V3]),
        "3.x read, callers known": lambda: microseconds(V3.read, known[V3]),
        "classes read": lambda: microseconds(with_classes_read, requests[V3]),
        "2.x read, callers new": lambda: microseconds(V2.read, requests[V2]),
        "2.x read, callers known": lambda: microseconds(V2.read, known[V2]),
        "3.x write": lambda: microseconds(partial(V3.write, token_prefix="bank/account"), outcomes),
        "classes write": lambda: microseconds(with_classes_written, outcomes),
        "2.x write": lambda: microseconds(partial(V2.write, token_prefix="bank/account"), outcomes),
    }
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            taken[name].append(run())
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    columns = {size: measured(size) for size in (1, 10, 100)}
    print(f"{'µs for a request of':28}" + "".join(f"{size:>10}" for size in columns))
    for name in columns[1]:
        print(f"{name:28}" + "".join(f"{column[name]:10.1f}" for column in columns.values()))
    for name, parts in {
        "3.x, callers new": ("3.x read, callers new", "3.x write"),
        "3.x, callers known": ("3.x read, callers known", "3.x write"),
        "generated classes": ("classes read", "classes write"),
        "2.x, callers new": ("2.x read, callers new", "2.x write"),
    }.items():
        print(
            f"{'sum: ' + name:28}"
            + "".join(f"{sum(column[part] for part in parts):10.1f}" for column in columns.values())
        )


if __name__ == "__main__":
    main()
