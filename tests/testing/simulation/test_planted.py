"""Mistakes that no test without faults shows: each passes without, and is found within 200 seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from statefun_actors import ValueMismatchError
from statefun_actors.testing import SimulationError, TestRuntime, simulate
from tests.testing.simulation import planted

Invariant = Callable[[TestRuntime], object]


def case(scenario: planted.Scenario, served: list[Any], what: str, invariant: Invariant | None = None) -> Any:
    return pytest.param(scenario, served, what, invariant, id=getattr(scenario, "__name__", what))


CASES = [
    case(planted.module_cache, [planted.ModuleCache], "planted/module-cache/ada.total"),
    case(planted.shared_default, [planted.SharedDefault], "planted/shared-default/ada.count"),
    case(planted.repeated_call, [planted.RepeatedCall], "what the scenario returns"),
    case(planted.call_count, [planted.CallCount], "planted/call-count/ada.receipt"),
    case(planted.assumed_order, [planted.Fan, planted.Sender, planted.Collector], "planted/collector/all.texts"),
    case(planted.shorter_way, [planted.Direct, planted.Relay, planted.Ledger], "planted/ledger/l.state"),
    case(planted.first_wins, [planted.Auction, planted.Bidder, planted.FirstWins], "planted/first-wins/lot.winner"),
    case(planted.batch_counter, [planted.BatchCounter], "egress planted/sums"),
    case(planted.identity, [planted.Identity], "planted/identity/x.changes"),
    case(planted.long_log, [planted.LongLog], r"planted/long-log/ada.entries: ….*'count 8'\]; .*'count 4'\]"),
    case(
        planted.long_record,
        [planted.LongRecord],
        r"records of egress planted/long: …-{40}1'\): absent; without faults 1",
    ),
    case(planted.detached, [planted.Detached], "planted/detached/ada.total"),
    case(planted.once, [planted.Once], "planted/once/ada.total"),
    case(planted.retried, [planted.Retried], "egress planted/sent"),
    case(planted.invoices, [planted.Invoice], "planted/invoice/..number"),
    case(planted.cached, [planted.Cached], "planted/cached/ada.prices"),
    case(planted.background, [planted.Background], "what the scenario returns"),
    case(planted.forgotten_reply, [planted.Desk, planted.Shelf], "did not reply", planted.whatever),
    case(planted.punctual, [planted.Punctual], "an alarm did not ring", planted.rang),
    case(planted.one_day, [planted.Session], "the session is broken", planted.whole),
    case(planted.late_answer, [planted.Forgetful, planted.Shelf], "2 on the shelf", planted.nothing_lost),
    case(planted.raced_timer, [planted.RacedTimer, planted.Shelf], "reminded 1 times", planted.never_reminded),
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
        pytest.param(planted.elapsed, planted.Elapsed, "another wall clock: planted/elapsed/x.last", id="elapsed"),
        pytest.param(planted.today, planted.Today, "with another wall clock: planted/today/x.day", id="today"),
        pytest.param(planted.wall_clock, planted.WallClock, "planted/wall-clock/ada.seen", id="wall clock"),
        pytest.param(planted.grows, planted.Grows, "planted/grows/x.runs: 2; in the first run 1", id="a module"),
    ],
)
def test_sources_of_difference_are_found_without_faults(scenario: planted.Scenario, served: Any, what: str) -> None:
    planted.cache.pop("runs", None)

    with pytest.raises(SimulationError, match=what) as raised:
        simulate(scenario, served, seeds=1)

    assert raised.value.seed is None
    assert "self.now" in str(raised.value)


def test_a_set_that_is_iterated_into_messages_is_found_by_other_interpreters() -> None:
    simulate(planted.followed, planted.Followed, planted.Collector, seeds=1)

    with pytest.raises(SimulationError, match=r"with PYTHONHASHSEED=\d: planted/collector/all.texts: ") as raised:
        simulate(planted.followed, planted.Followed, planted.Collector, seeds=1, hash_seeds=3)

    assert "A set is iterated into messages or fields" in str(raised.value)


def test_other_interpreters_find_nothing_in_right_entities() -> None:
    simulate(planted.right, planted.Account, planted.Audit, planted.Customer, seeds=1, hash_seeds=1)


def test_sets_that_are_stored_as_sets_are_the_same_in_other_interpreters() -> None:
    simulate(planted.many_names, planted.ManyNames, seeds=1, hash_seeds=2)


def test_a_dict_in_the_order_of_a_set_is_found_by_other_interpreters() -> None:
    with pytest.raises(SimulationError, match=r"with PYTHONHASHSEED=\d: planted/dict-of-set/x.counts: "):
        simulate(planted.dict_of_set, planted.DictOfSet, seeds=1, hash_seeds=3)


def test_a_handler_that_reads_no_clock_passes() -> None:
    simulate(planted.kind_of_datetime, planted.KindOfDatetime, seeds=1)


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
