"""Errors of users whose own code raises: each is a failure of its message like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from statefun_actors import DeadLetter, Discard, Entity, TerminalError, handles, persisted
from statefun_actors.dispatch import is_terminal
from statefun_actors.interrupts import owning_process
from statefun_actors.text import describe_type
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.types.raising import RAISED, leave

ALL = pytest.mark.parametrize("raised", list(RAISED))
raises: list[str] = []
"""What the errors raise at present."""


class Unprintable(AttributeError):
    def __str__(self) -> str:
        return leave(*raises)

    __repr__ = __str__


class UnprintablePart:
    def __str__(self) -> str:
        return leave(*raises)

    __repr__ = __str__


class UnprintableCancel(asyncio.CancelledError):
    def __repr__(self) -> str:
        return leave(*raises)

    __str__ = __repr__


class Indivisible(ExceptionGroup[Exception]):
    def derive(self, excs: Any) -> Any:
        leave(*raises)


ERRORS = [
    Unprintable(),
    AttributeError(UnprintablePart()),
    UnprintableCancel(),
    Indivisible("two", [ValueError("no")]),
]


class Plain(Entity, typename="test/plain"):
    count: int = persisted(default=0)

    @handles(int)
    def leave(self, message: int) -> None:
        self.count += 1
        if message >= 0:
            raise ERRORS[message]


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        yield
    raises.clear()


@ALL
@pytest.mark.parametrize("policy", [Discard(), DeadLetter("test/dead", attempts=2)])
@pytest.mark.parametrize("number", range(len(ERRORS)), ids=[describe_type(error) for error in ERRORS])
async def test_an_error_whose_code_raises_fails_its_message_only(
    number: int, policy: Discard | DeadLetter, raised: str
) -> None:
    raises[:] = [raised]

    outcome = await World(Plain, on_failure=policy).done(-1, number, -1)

    assert outcome.changes == {"count": pack(2)}
    assert [failure.index for failure in outcome.failures] == [1]


@ALL
async def test_so_it_is_without_a_policy(raised: str) -> None:
    raises[:] = [raised]

    outcomes = [await World(Plain).failed(-1, number) for number in range(len(ERRORS))]

    assert [outcome.index for outcome in outcomes] == [1] * len(ERRORS)


@ALL
def test_a_terminal_error_is_found_in_any_group(raised: str) -> None:
    raises[:] = [raised]

    assert is_terminal(Indivisible("two", [ValueError("no"), Indivisible("one", [TerminalError("why")])]))
    assert not is_terminal(Indivisible("two", [ValueError("no"), Indivisible("one", [ValueError("no")])]))
