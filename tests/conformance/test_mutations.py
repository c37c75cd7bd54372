"""The cases can fail: each of these mistakes, made on purpose, turns at least one of them red."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from statefun_actors.dispatch.guarded import GuardedRun
from statefun_actors.embedded.timers import Timers
from statefun_actors.entity import EntityFunction
from tests.conformance.embedded import EMBEDDED
from tests.conformance.suite import cases


async def red(*numbers: str) -> list[str]:
    """Those of the cases that fail on the embedded engine."""
    found = []
    by_number = {case.number: case for case in cases()}
    for number in numbers:
        try:
            await by_number[number].function(EMBEDDED.start)
        except AssertionError:
            found.append(number)
    return found


def swap_effects(patch: pytest.MonkeyPatch) -> None:
    for name in ("dispatch", "guarded"):
        module = importlib.import_module(f"statefun_actors.dispatch.{name}")
        done: Callable[..., Any] = module.done

        def swapped(*arguments: Any, done: Callable[..., Any] = done) -> Any:
            outcome = done(*arguments)
            return msgspec.structs.replace(outcome, effects=list(reversed(outcome.effects)))

        patch.setattr(module, "done", swapped)


def skip_undo(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GuardedRun, "_undo", lambda *_: None)


def ignore_tokens(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Timers, "cancel", lambda *_: False)


def write_unchanged_state(patch: pytest.MonkeyPatch) -> None:
    settle = EntityFunction.settle

    def forgetful(self: EntityFunction, subject: Any, scope: Any) -> None:
        scope.defaults = None
        settle(self, subject, scope)

    patch.setattr(EntityFunction, "settle", forgetful)


@pytest.mark.parametrize(
    ("mutate", "case"),
    [(swap_effects, "B4"), (skip_undo, "P1"), (ignore_tokens, "T3"), (write_unchanged_state, "B5")],
)
async def test_a_mistake_turns_a_case_red(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], case: str
) -> None:
    assert await red(case) == []
    mutate(monkeypatch)

    assert await red(case) == [case]
