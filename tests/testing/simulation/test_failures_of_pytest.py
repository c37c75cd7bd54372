"""Failures that pytest raises itself, which are no Exceptions, in a scenario of ``simulate``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from statefun_actors import Entity, handles
from statefun_actors.testing import SimulationError, TestRuntime, simulate

_ran: list[int] = []


class Counted(Entity, typename="simulate/counted"):
    """Notes outside of its fields that a handler ran, which a second run of the batch repeats."""

    @handles(int)
    def count(self, message: int) -> None:
        _ran.append(message)


def _fails() -> None:
    if len(_ran) > 1:
        pytest.fail(f"ran {len(_ran)} times")


def _does_not_raise() -> None:
    if len(_ran) > 1:
        with pytest.raises(LookupError):
            _ran.pop()


@pytest.mark.parametrize(
    ("check", "text"), [(_fails, r"ran \d times"), (_does_not_raise, "DID NOT RAISE"), (lambda: None, None)]
)
def test_a_failure_is_reported_with_its_seed_and_its_messages(check: Callable[[], None], text: str | None) -> None:
    async def once(runtime: TestRuntime) -> None:
        _ran.clear()
        await runtime.tell(Counted.at("a"), 1)
        check()

    if text is None:
        simulate(once, Counted)
        return
    with pytest.raises(SimulationError, match=rf"(?s)^seed \d+: .*{text}.*outside -> simulate/counted/a: 1"):
        simulate(once, Counted)


def test_an_expected_failure_and_an_interrupt_are_raised_as_they_are() -> None:
    async def expected(_: TestRuntime) -> None:
        pytest.xfail("known")

    async def interrupted(_: TestRuntime) -> None:
        raise KeyboardInterrupt

    with pytest.raises(pytest.xfail.Exception):
        simulate(expected, Counted)
    with pytest.raises(KeyboardInterrupt):
        simulate(interrupted, Counted)
