"""Mistakes that no test without faults shows: each passes without, and is found within 200 seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from statefun_actors import ValueMismatchError
from statefun_actors.testing import SimulationError, TestRuntime, simulate
from tests.testing.simulation import planted, planted_clocks, planted_memory, planted_order

Invariant = Callable[[TestRuntime], object]


def case(scenario: planted.Scenario, served: list[Any], what: str, invariant: Invariant | None = None) -> Any:
    return pytest.param(scenario, served, what, invariant, id=getattr(scenario, "__name__", what))


CASES = [
    case(planted_memory.module_cache, [planted_memory.ModuleCache], "planted/module-cache/ada.total"),
    case(planted_memory.shared_default, [planted_memory.SharedDefault], "planted/shared-default/ada.count"),
    case(planted_memory.repeated_call, [planted_memory.RepeatedCall], "what the scenario returns"),
    case(planted_memory.call_count, [planted_memory.CallCount], "planted/call-count/ada.receipt"),
    case(
        planted_order.assumed_order,
        [planted_order.Fan, planted_order.Sender, planted.Collector],
        "planted/collector/all.texts",
    ),
    case(
        planted_order.shorter_way,
        [planted_order.Direct, planted_order.Relay, planted_order.Ledger],
        "planted/ledger/l.state",
    ),
    case(
        planted_order.first_wins,
        [planted_order.Auction, planted_order.Bidder, planted_order.FirstWins],
        "planted/first-wins/lot.winner",
    ),
    case(planted_memory.batch_counter, [planted_memory.BatchCounter], "egress planted/sums"),
    case(planted_memory.identity, [planted_memory.Identity], "planted/identity/x.changes"),
    case(
        planted_memory.long_log,
        [planted_memory.LongLog],
        r"planted/long-log/ada.entries: ….*'count 8'\]; .*'count 4'\]",
    ),
    case(
        planted_memory.long_record,
        [planted_memory.LongRecord],
        r"records of egress planted/long: …-{40}1'\): absent; without faults 1",
    ),
    case(planted_memory.detached, [planted_memory.Detached], "planted/detached/ada.total"),
    case(planted_memory.once, [planted_memory.Once], "planted/once/ada.total"),
    case(planted_memory.retried, [planted_memory.Retried], "egress planted/sent"),
    case(planted_memory.invoices, [planted_memory.Invoice], "planted/invoice/..number"),
    case(planted_memory.cached, [planted_memory.Cached], "planted/cached/ada.prices"),
    case(planted_memory.background, [planted_memory.Background], "what the scenario returns"),
    case(planted_order.forgotten_reply, [planted_order.Desk, planted.Shelf], "did not reply", planted.whatever),
    case(planted_clocks.punctual, [planted_clocks.Punctual], "an alarm did not ring", planted_clocks.rang),
    case(planted_clocks.one_day, [planted_clocks.Session], "the session is broken", planted_clocks.whole),
    case(
        planted_order.late_answer,
        [planted_order.Forgetful, planted.Shelf],
        "2 on the shelf",
        planted_order.nothing_lost,
    ),
    case(
        planted_order.raced_timer,
        [planted_order.RacedTimer, planted.Shelf],
        "reminded 1 times",
        planted_order.never_reminded,
    ),
]


@pytest.mark.parametrize(("scenario", "served", "what", "invariant"), CASES)
async def test_a_run_without_faults_passes(
    scenario: planted.Scenario, served: list[Any], what: str, invariant: Invariant | None
) -> None:
    async with TestRuntime(*served) as runtime:
        await scenario(runtime)

        if invariant is not None:
            invariant(runtime)
        assert not runtime.dead_letters


@pytest.mark.parametrize(("scenario", "served", "what", "invariant"), CASES)
def test_the_mistake_is_found(
    scenario: planted.Scenario, served: list[Any], what: str, invariant: Invariant | None
) -> None:
    with pytest.raises(SimulationError, match=what) as raised:
        simulate(scenario, *served, seeds=200, invariant=invariant)

    seed = raised.value.seed
    assert seed is not None
    with pytest.raises(SimulationError) as repeated:  # it is the same again
        simulate(scenario, *served, seeds=[seed], invariant=invariant)
    assert str(repeated.value) == str(raised.value)


@pytest.mark.parametrize(
    ("scenario", "served", "what"),
    [
        pytest.param(
            planted_clocks.elapsed, planted_clocks.Elapsed, "another wall clock: planted/elapsed/x.last", id="elapsed"
        ),
        pytest.param(
            planted_clocks.today, planted_clocks.Today, "with another wall clock: planted/today/x.day", id="today"
        ),
        pytest.param(
            planted_clocks.wall_clock, planted_clocks.WallClock, "planted/wall-clock/ada.seen", id="wall clock"
        ),
        pytest.param(
            planted_memory.grows, planted_memory.Grows, "planted/grows/x.runs: 2; in the first run 1", id="a module"
        ),
    ],
)
def test_sources_of_difference_are_found_without_faults(scenario: planted.Scenario, served: Any, what: str) -> None:
    planted.cache.pop("runs", None)

    with pytest.raises(SimulationError, match=what) as raised:
        simulate(scenario, served, seeds=1)

    assert raised.value.seed is None
    assert "self.now" in str(raised.value)


def test_a_set_that_is_iterated_into_messages_is_found_by_other_interpreters() -> None:
    simulate(planted_order.followed, planted_order.Followed, planted.Collector, seeds=1)

    with pytest.raises(SimulationError, match=r"with PYTHONHASHSEED=\d: planted/collector/all.texts: ") as raised:
        simulate(planted_order.followed, planted_order.Followed, planted.Collector, seeds=1, hash_seeds=3)

    assert "A set is iterated into messages or fields" in str(raised.value)


def test_other_interpreters_find_nothing_in_right_entities() -> None:
    simulate(planted.right, planted.Account, planted.Audit, planted.Customer, seeds=1, hash_seeds=1)


def test_sets_that_are_stored_as_sets_are_the_same_in_other_interpreters() -> None:
    simulate(planted_order.many_names, planted_order.ManyNames, seeds=1, hash_seeds=2)


def test_a_dict_in_the_order_of_a_set_is_found_by_other_interpreters() -> None:
    with pytest.raises(SimulationError, match=r"with PYTHONHASHSEED=\d: planted/dict-of-set/x.counts: "):
        simulate(planted_order.dict_of_set, planted_order.DictOfSet, seeds=1, hash_seeds=3)


def test_a_handler_that_reads_no_clock_passes() -> None:
    simulate(planted_clocks.kind_of_datetime, planted_clocks.KindOfDatetime, seeds=1)


def test_other_interpreters_need_names() -> None:
    async def scenario(_: TestRuntime) -> None: ...

    with pytest.raises(ValueMismatchError, match="expected hash_seeds= with a scenario and entities at the top of a"):
        simulate(scenario, planted.Account, seeds=1, hash_seeds=1)


def test_other_interpreters_need_modules_to_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted.right, "__module__", "__main__")

    with pytest.raises(ValueMismatchError) as raised:
        simulate(planted.right, planted.Account, planted.Audit, planted.Customer, seeds=1, hash_seeds=1)

    assert str(raised.value) == (
        "expected hash_seeds= with a scenario and entities in modules to import, got __main__.right"
    )


def test_entities_without_a_mistake_pass() -> None:
    simulate(planted.right, planted.Account, planted.Audit, planted.Customer, seeds=60)


@pytest.mark.slow
def test_entities_without_a_mistake_pass_thousands_of_seeds() -> None:
    simulate(planted.right, planted.Account, planted.Audit, planted.Customer, seeds=3_000)
