"""The reports of ``simulate``, and the faults of a hostile ``TestRuntime``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from statefun_actors import Address, DeadLetter, Entity, handles, persisted
from statefun_actors.errors import ValueMismatchError
from statefun_actors.store import MemoryStore
from statefun_actors.testing import Faults, SimulationError, TestRuntime, simulate
from statefun_actors.testing.simulation.shrinking import shortest
from tests.testing.simulation import planted, planted_memory, planted_order
from tests.testing.simulation.planted import Account, Add, Audit, Customer, Done, Start


def test_the_report_has_the_first_difference_and_the_messages_of_the_shortest_run() -> None:
    with pytest.raises(SimulationError) as raised:
        simulate(planted_order.shorter_way, planted_order.Direct, planted_order.Relay, planted_order.Ledger)

    assert str(raised.value) == (
        f"seed {raised.value.seed}: planted/ledger/l.state: 'opened'; without faults 'closed'\n"
        "\n"
        "Look for state outside fields, calls outside that a handler makes itself (make them activities), and an order "
        "of messages of different senders. Where other results are right, say what holds for all: simulate(..., "
        f"invariant=f). To repeat it: pytest --statefun-seed {raised.value.seed}, or simulate(..., "
        f"seeds=[{raised.value.seed}]).\n"
        "\n"
        "what happened, in the shortest run found:\n"
        "     0:00:00  outside -> planted/direct/d: Start(count=1)\n"
        "     0:00:00  planted/direct/d -> planted/relay/r: Note(text='closed')\n"
        "     0:00:00  planted/relay/r -> planted/ledger/l: Note(text='closed')\n"
        "     0:00:00  planted/direct/d -> planted/ledger/l: Note(text='opened')\n"
        "     0:00:00  planted/ledger/l.state: absent -> 'opened'"
    )


def test_faults_that_are_left_out_do_not_happen() -> None:
    simulate(
        planted_order.assumed_order,
        planted_order.Fan,
        planted_order.Sender,
        planted.Collector,
        faults=Faults(order=False),
    )
    simulate(planted_memory.repeated_call, planted_memory.RepeatedCall, faults=Faults(twice=False, kills=False))

    with pytest.raises(SimulationError, match="killed before a commit"):
        simulate(planted_memory.repeated_call, planted_memory.RepeatedCall, faults=Faults(twice=False))


def test_an_error_without_faults_is_raised_as_it_is() -> None:
    async def wrong(runtime: TestRuntime) -> None:
        await runtime.ask(Account.at("ada"), Add(1), Done)
        raise LookupError("of the scenario")

    with pytest.raises(LookupError, match="of the scenario"):
        simulate(wrong, Account, Audit)


def test_an_invariant_may_be_a_coroutine_function() -> None:
    seen = []

    async def holds(runtime: TestRuntime) -> None:
        await asyncio.sleep(0)
        seen.append(runtime.state(Account.at("ada")).balance)

    simulate(planted.right, Account, Audit, Customer, seeds=5, invariant=holds, faults=Faults(jumps=False))

    assert seen == [13] * 8  # the runs without faults, too


async def test_it_is_not_called_from_an_event_loop() -> None:
    with pytest.raises(RuntimeError) as raised:
        simulate(planted.right, Account, Audit, Customer)

    assert str(raised.value) == (
        "simulate() runs an event loop of its own: call it from a test that is `def`, not `async def`"
    )


@pytest.mark.parametrize(
    ("seeds", "got"), [(0, "0"), (-1, "-1"), ([], "no seed"), ("12", "'12'"), (["1"], "the seed '1'"), (None, "None")]
)
def test_it_needs_a_seed(seeds: Any, got: str) -> None:
    with pytest.raises(ValueMismatchError) as raised:
        simulate(
            planted_memory.module_cache,
            planted_memory.ModuleCache,
            seeds=seeds,
            faults=Faults(twice=False, kills=False),
        )

    assert str(raised.value) == f"expected seeds= as a number above 0, or the seeds themselves, got {got}"


def test_a_scenario_is_a_coroutine_function() -> None:
    def scenario(runtime: TestRuntime) -> None: ...

    with pytest.raises(TypeError) as raised:
        simulate(scenario, Account)  # type: ignore[arg-type]

    assert str(raised.value) == f"expected `async def scenario(runtime)`, got {scenario!r}, which returned None"


@pytest.mark.parametrize("seed", range(20))
async def test_a_hostile_runtime_keeps_every_promise(seed: int) -> None:
    async with TestRuntime(Account, Audit, Customer, hostile=seed) as runtime:
        await planted.right(runtime)

        assert runtime.state(Account.at("ada")).balance == 13
        assert runtime.state(Account.at("shop")).balance == 7
        assert runtime.state(Audit.at("all")).count == 10
        assert runtime.state(Customer.at("bob")).confirmed == 3
        assert len(runtime.egress("planted/added")) == 10
        assert (runtime.timers, runtime.asks, runtime.dead_letters) == ([], [], [])


async def test_faults_are_in_the_log() -> None:
    logs = []
    for seed in range(60):
        async with TestRuntime(Account, Audit, hostile=seed) as runtime:
            await runtime.tell(Account.at("ada"), Add(1))
            logs.append([entry.text for entry in runtime.log])

    texts = {text for log in logs for text in log}
    assert "--- killed before a commit, and started again from the store ---" in texts
    assert "--- killed after a commit, and started again from the store ---" in texts
    assert "--- a commit failed, and the engine started again from the store ---" in texts
    assert "--- every batch runs twice; what the first run changed and sent is lost ---" in texts
    assert not any("the clock jumps" in text for text in texts)


async def test_faults_that_change_results_happen_where_they_are_asked_for() -> None:
    texts: set[str] = set()
    for seed in range(40):
        async with TestRuntime(Customer, Account, Audit, hostile=seed, faults=Faults(late=True, jumps=True)) as runtime:
            await runtime.tell(Customer.at("bob"), Start(2))
            texts |= {entry.text for entry in runtime.log}

    assert "--- time passes: an answer is late ---" in texts
    assert "--- the clock jumps 1 day, 0:00:00 ahead ---" in texts
    assert "--- the clock jumps 0:01:00 back ---" in texts


def test_late_answers_without_an_invariant_are_differences() -> None:
    simulate(planted_order.late_answer, planted_order.Forgetful, planted.Shelf)

    with pytest.raises(SimulationError, match=r"planted/forgetful/f\.has: absent; without faults 1"):
        simulate(planted_order.late_answer, planted_order.Forgetful, planted.Shelf, faults=Faults(late=True))


def test_faults_need_a_seed() -> None:
    with pytest.raises(ValueMismatchError) as raised:
        TestRuntime(Account, faults=Faults())

    assert str(raised.value) == (
        "expected hostile= with a seed, or True, since faults= says which faults it brings, got none"
    )


class Turns(Entity, typename="simulated/turns"):
    """It records the order in which entities get their turns."""

    @handles(int)
    def begin(self, count: int) -> None:
        for number in range(count):
            self.send(self.at(str(number)), "go")

    @handles(str)
    def go(self, _: str) -> None: ...


async def test_entities_take_turns_in_any_order() -> None:
    orders: set[tuple[str, ...]] = set()
    for seed in range(60):
        faults = Faults(twice=False, kills=False, repeats=False, batches=False)
        async with TestRuntime(Turns, hostile=seed, faults=faults) as runtime:
            await runtime.tell(Turns.at("begin"), 3)
            turns = [entry.text for entry in runtime.log if "'go'" in entry.text]
            orders.add(tuple(text.partition(" -> ")[2] for text in turns))

    assert len(orders) == 6


async def test_the_log_has_messages_changes_and_records() -> None:
    async with TestRuntime(Account, Audit, Customer) as runtime:
        await runtime.tell(Customer.at("bob"), Start(1))

        assert [str(entry) for entry in runtime.log] == [
            "   0:00:00  outside -> planted/customer/bob: Start(count=1)",
            "   0:00:00  ask -> planted/account/shop: Add(cents=0)",
            "   0:00:00  planted/account/shop -> planted/audit/all: Note(text='shop: 0')",
            "   0:00:00  answer -> planted/customer/bob: Done(ok=True)",
            "   0:00:00  planted/account/shop.balance: absent -> 0",
            "   0:00:00  planted/account/shop.amounts: absent -> {'0': 1}",
            "   0:00:00  planted/audit/all.notes: absent -> ['shop: 0']",
            "   0:00:00  planted/audit/all.count: absent -> 1",
            "   0:00:00  planted/customer/bob.confirmed: absent -> 1",
            "   0:00:00  -> egress planted/added: Note(text='0')",
        ]


def test_a_hostile_runtime_takes_no_store() -> None:
    with pytest.raises(ValueMismatchError) as raised:
        TestRuntime(Account, store=MemoryStore(), hostile=True)

    assert str(raised.value) == "expected no store= with hostile=, which kills the engine around its commits, got both"


def test_a_script_is_cut_down_to_what_makes_it_fail() -> None:
    def fails(script: Sequence[int]) -> bool:
        return len(script) > 7 and script[3] == 2 and script[7] > 0

    short = shortest([1, 3, 1, 2, 1, 1, 2, 1, 1, 3, 1, 1], fails, 200)

    assert short == [0, 0, 0, 2, 0, 0, 0, 1]


class Failing(Entity, typename="simulated/failing"):
    @handles(int, on_failure=DeadLetter("simulated/letters", attempts=2))
    def fail(self, number: int) -> None:
        raise ValueError(f"no {number}")

    @handles(str, on_failure=DeadLetter("simulated/letters", attempts=2, as_value=True))
    def fail_too(self, text: str) -> None:
        raise ValueError(text)


def test_the_time_of_a_dead_letter_is_no_difference() -> None:
    async def scenario(runtime: TestRuntime) -> None:
        for message in (1, "two", 3):
            await runtime.tell(Failing.at("f"), message)
        assert len(runtime.egress("simulated/letters")) == 3

    simulate(scenario, Failing, seeds=40)


class Deferred(Entity, typename="simulated/deferred"):
    """It keeps its caller, and replies later."""

    waiting: Address | None = persisted(default=None)
    texts: dict[str, str] = persisted(factory=dict)

    @handles(int)
    def keep(self, _: int) -> None:
        self.waiting = self.caller

    @handles(str)
    def note(self, text: str) -> None:
        self.texts[text] = f"of {self.caller}"


async def two_callers(runtime: TestRuntime) -> None:
    for number in (1, 2, 3):
        await runtime.tell(Deferred.at("a\nb"), number)
        await runtime.tell(Deferred.at("a\nb"), str(number))


def test_the_number_of_a_request_is_no_difference() -> None:
    simulate(two_callers, Deferred, seeds=60)


async def test_an_entry_of_the_log_is_one_line() -> None:
    async with TestRuntime(Deferred) as runtime:
        await two_callers(runtime)

        assert not any("\n" in str(entry) for entry in runtime.log)
