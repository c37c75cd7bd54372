"""Tasks that a handler leaves behind, and that go on when they are cancelled: no simulation waits for them."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from statefun_actors import Entity, handles
from statefun_actors.testing import TestRuntime, simulate
from statefun_actors.testing.strategies import runtime_machine

_left: list[asyncio.Task[None]] = []


async def _goes_on() -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)


class Leaving(Entity, typename="simulate/leaving"):
    @handles(int)
    async def leave(self, message: int) -> None:
        if not _left:
            _left.append(asyncio.create_task(_goes_on()))
            await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def none_left() -> None:
    _left.clear()


def test_simulate_ends() -> None:
    async def scenario(runtime: TestRuntime) -> None:
        await runtime.tell(Leaving.at("a"), 1)

    simulate(scenario, Leaving, seeds=2)

    assert not _left[0].done()


def test_a_machine_ends() -> None:
    machine = runtime_machine(Leaving, ids=["a"])

    run_state_machine_as_test(machine, settings=settings(max_examples=20, stateful_step_count=5, deadline=None))

    assert not _left[0].done()
