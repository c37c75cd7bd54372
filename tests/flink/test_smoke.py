"""Random programs of commands have the expected results: on Flink through crashes of its job, and embedded."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from statefun_actors import Address
from statefun_actors.testing import TestRuntime
from tests.conformance.engine import EngineKind
from tests.conformance.wire import WIRE_2, WIRE_3
from tests.flink.egresses import OUT
from tests.flink.seen import Flink
from tests.flink.smoke.commands import Cancel, Command, Outcome, Stumble, Verify, outcome
from tests.flink.smoke.interpreters import SERVED, TYPENAMES, Told
from tests.flink.smoke.programs import LONGEST_MS, program
from tests.flink.smoke.running import smoke

ADDRESSES = [Address(typename, str(at)) for typename in TYPENAMES for at in range(3)]
MESSAGES = 100
SECONDS = 10 * LONGEST_MS / 1000
"""After which nothing is pending any more."""


@pytest.mark.flink
def test_a_random_program_has_the_same_result_after_crashes_of_the_job(flink: Flink) -> None:
    run = smoke(flink, ids=25, messages=400, crashes=3, seed=1)

    assert not run.wrong, run
    assert run.repeated > 0, "the job crashed, but not while it did something"


def assert_all_told(told: Sequence[object], expected: Outcome) -> None:
    """Each command was carried out once, and all reported states are right."""
    states = [(state, 0) for state in expected.states_told(ADDRESSES)]
    found = [(each.what, each.number) for each in told if isinstance(each, Told)]

    assert sorted(found) == sorted([*expected.told, *states])


async def test_it_has_the_same_result_in_virtual_time() -> None:
    written = program(Random(1), ADDRESSES, MESSAGES)

    async with TestRuntime(*SERVED, twice=True) as runtime:  # what stumbles does so the first time
        for target, commands in written:
            await runtime.tell(target, commands)
        await runtime.clock.advance(SECONDS)
        for address in ADDRESSES:
            await runtime.tell(address, Verify(0))

        assert_all_told(runtime.egress(OUT), outcome(written))


@pytest.mark.parametrize(("wire", "without"), [(WIRE_3, {Stumble}), (WIRE_2, {Stumble, Cancel})], ids=["3.x", "2.x"])
async def test_it_has_the_same_result_on_each_wire(wire: EngineKind, without: set[type[Command]]) -> None:
    written = program(Random(1), ADDRESSES, MESSAGES, without=without)

    async with wire.start(*SERVED) as engine:
        for target, commands in written:
            await engine.tell(target, commands)
        await engine.advance(SECONDS)
        for address in ADDRESSES:
            await engine.tell(address, Verify(0))

        assert engine.failures == []
        assert_all_told(engine.egress(OUT), outcome(written))
