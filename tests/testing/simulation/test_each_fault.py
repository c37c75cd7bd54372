"""Each kind of fault finds a mistake that the other kinds do not find: of an entity, or of a part of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs
import pytest
from msgspec.structs import replace

from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.engine import EgressQueue
from statefun_actors.engine.idempotency import KeyedCalls
from statefun_actors.model import Batch
from statefun_actors.store import EgressRecord, MemoryStore
from statefun_actors.testing import Faults, SimulationError, simulate
from tests.testing.simulation import planted, planted_clocks, planted_order
from tests.testing.simulation import planted_one_fault as one

KINDS: Final = [field.name for field in attrs.fields(Faults)]


def loses_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine takes each message for the first one under its key."""
    monkeypatch.setattr(KeyedCalls, "find", lambda *_: None)


def loses_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store writes rows, but reads none."""
    monkeypatch.setattr(MemoryStore, "load", lambda _, addresses: [None for _ in addresses])


def loses_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint reads requests without the callers of their messages."""
    read = RequestReplyHandler.read

    def lossy(self: RequestReplyHandler, data: bytes) -> Batch:
        batch = read(self, data)
        return replace(batch, invocations=[replace(each, caller=None) for each in batch.invocations])

    monkeypatch.setattr(RequestReplyHandler, "read", lossy)


def loses_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine does not store the positions of sinks."""
    done = EgressQueue.done

    def lossy(self: EgressQueue, records: Sequence[EgressRecord], position: str | None = None) -> None:
        del position
        done(self, records)

    monkeypatch.setattr(EgressQueue, "done", lossy)


def case(
    kind: str,
    scenario: planted.Scenario,
    served: list[Any],
    *,
    other: Any = None,
    invariant: Any = None,
    also: str = "",
) -> Any:
    return pytest.param(kind, scenario, served, other, invariant, also, id=kind)


CASES = [
    case("batches", one.one_batch, [one.Instance], also="order"),  # a message that is overtaken is in a later batch
    case("twice", one.guard, [one.Guarded]),
    case("order", planted_order.assumed_order, [planted_order.Fan, planted_order.Sender, planted.Collector]),
    case("kills", one.lost_epoch, [one.Chained]),
    case(
        "late",
        planted_order.late_answer,
        [planted_order.Forgetful, planted.Shelf],
        invariant=planted_order.nothing_lost,
        also="jumps",  # beyond the timeout
    ),
    case("jumps", planted_clocks.one_day, [planted_clocks.Session], invariant=planted_clocks.whole),
    case("repeats", one.counts, [one.Right], other=loses_keys, also="kills"),  # clients send again after a lost answer
    case("reloads", one.counts, [one.Right], other=loses_rows, also="kills"),  # the engine starts again from the store
    case("wires", one.counts, [one.Right], other=loses_callers),
    case("egress", one.counts, [one.Right], other=loses_positions),
]


def test_there_is_a_case_of_each_kind() -> None:
    assert sorted(str(each.id) for each in CASES) == sorted(KINDS)


@pytest.mark.parametrize(("kind", "scenario", "served", "other", "invariant", "also"), CASES)
def test_a_kind_of_fault_alone_finds_its_mistake_and_the_others_do_not(
    kind: str,
    scenario: planted.Scenario,
    served: list[Any],
    other: Any,
    invariant: Any,
    also: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if other is not None:
        other(monkeypatch)
    alone = Faults(**{name: name == kind for name in KINDS})
    others = Faults(**{name: name not in {kind, also} for name in KINDS if name not in {"late", "jumps"}})
    if invariant is not None:
        others = attrs.evolve(others, late="late" not in {kind, also}, jumps="jumps" not in {kind, also})

    with pytest.raises(SimulationError):
        simulate(scenario, *served, seeds=100, faults=alone, invariant=invariant)
    simulate(scenario, *served, seeds=100, faults=others, invariant=invariant)
