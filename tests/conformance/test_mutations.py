"""The cases can fail: each of these mistakes, made on purpose, turns at least one of them red."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from statefun_actors import store
from statefun_actors.definition import Scope
from statefun_actors.dispatch.calling import Waiting
from statefun_actors.dispatch.diagnostics import Diagnostics
from statefun_actors.dispatch.guarded import GuardedRun
from statefun_actors.endpoint.address_lock import AddressLocks
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.engine.mailboxes import Mailboxes
from statefun_actors.engine.timers import Timers
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.entity import EntityFunction
from statefun_actors.functions import Context
from statefun_actors.model import Done, Effect, TypedValue
from statefun_actors.wire.reply_writer import Writer
from tests.conformance.embedded import EMBEDDED
from tests.conformance.engine import EngineKind
from tests.conformance.sections import Case, Once
from tests.conformance.suite import sentences
from tests.conformance.wire import WIRE_2, WIRE_3

Patch: TypeAlias = pytest.MonkeyPatch


async def red(number: str, engine: EngineKind) -> bool:
    """Whether the case of that number fails, on *engine* where it needs one."""
    [found] = [sentence for sentence in sentences() if sentence.number == number]
    try:
        async with asyncio.timeout(10):
            if isinstance(found, Case):
                await found.function(engine.start)
            else:
                assert isinstance(found, Once)
                await found.run()
    except AssertionError:  # anything else is a mistake in the mistake
        return True
    return False


def patch_outcomes(patch: Patch, change: Callable[[Done], Done]) -> None:
    """*change* the outcomes of batches."""
    for name in ("dispatch", "guarded"):
        module = importlib.import_module(f"statefun_actors.dispatch.{name}")
        done: Callable[..., Any] = module.done

        def changed(*arguments: Any, done: Callable[..., Any] = done) -> Any:
            return change(done(*arguments))

        patch.setattr(module, "done", changed)


def with_effects(done: Done, effects: list[Effect]) -> Done:
    return Done(effects, done.changes, done.failures, done.marks)


def with_changes(done: Done, changes: dict[str, TypedValue | None]) -> Done:
    return Done(done.effects, changes, done.failures, done.marks)


def swap_effects(patch: Patch) -> None:
    patch_outcomes(patch, lambda done: with_effects(done, list(reversed(done.effects))))


def drop_a_message(patch: Patch) -> None:
    patch_outcomes(patch, lambda done: with_effects(done, list(done.effects[:-1])))


def send_a_message_twice(patch: Patch) -> None:
    patch_outcomes(patch, lambda done: with_effects(done, [*done.effects, *done.effects[:1]]))


def drop_replies(patch: Patch) -> None:
    patch.setattr(Scope, "reply", lambda *_: None)


def write_in_any_order(patch: Patch) -> None:
    patch_outcomes(patch, lambda done: with_changes(done, dict(reversed(list(done.changes.items())))))


def lose_deletions(patch: Patch) -> None:
    def kept(done: Done) -> Done:
        return with_changes(done, {name: value for name, value in done.changes.items() if value is not None})

    patch_outcomes(patch, kept)


def skip_undo(patch: Patch) -> None:
    patch.setattr(GuardedRun, "_undo", lambda *_: None)


def undo_state_only(patch: Patch) -> None:
    undone = Scope.undone

    def without_effects(self: Scope, effects: int, dropped_replies: int) -> Scope:
        return undone(self, max(effects, len(self.effects)), dropped_replies)

    patch.setattr(Scope, "undone", without_effects)


def never_retry(patch: Patch) -> None:
    patch.setattr(GuardedRun, "_wait", lambda *_: None)


def retry_without_end_of_budget(patch: Patch) -> None:
    wait = GuardedRun._wait

    def rich(self: GuardedRun, *arguments: Any) -> Any:
        self.budget = 5.0
        return wait(self, *arguments)

    patch.setattr(GuardedRun, "_wait", rich)


def ignore_tokens(patch: Patch) -> None:
    patch.setattr(Timers, "cancel", lambda *_: False)


def no_cancellation_before_a_token(patch: Patch) -> None:
    patch.setattr(Writer, "_cancel", lambda *_: None)


def write_unchanged_state(patch: Patch) -> None:
    settle = EntityFunction.settle

    def forgetful(self: EntityFunction, subject: Any, scope: Any) -> None:
        scope.defaults = None
        settle(self, subject, scope)

    patch.setattr(EntityFunction, "settle", forgetful)


def compare_no_bytes(patch: Patch) -> None:
    patch.setattr(Scope, "change", lambda self, changes, _: self.changes.update(changes))
    patch.setattr(EntityFunction, "_is_stored", lambda *_: False)


def reorder_a_batch(patch: Patch) -> None:
    take = Mailboxes.take

    def backwards(self: Mailboxes, mailbox: Mailbox, most: int) -> Any:
        taken = take(self, mailbox, most)
        taken.reverse()
        return taken

    patch.setattr(Mailboxes, "take", backwards)


def judge_ttl_late(patch: Patch) -> None:
    patch.setattr(WorkingSet, "sweep", lambda *_: None)
    record = WorkingSet.record
    patch.setattr(WorkingSet, "record", lambda self, address, now_ms: record(self, address, lambda: now_ms() - 20_000))


def count_no_call(patch: Patch) -> None:
    change = store.change

    def only_changes(record: Any, changes: Any, now_ms: int, *, expires: bool) -> None:
        before = record.last_call_ms
        change(record, changes, now_ms, expires=expires)
        if "called" not in changes:
            record.last_call_ms = before

    patch.setattr("statefun_actors.engine.merge.change", only_changes)


def retry_at_once(patch: Patch) -> None:
    patch.setattr(Mailbox, "backoff", lambda _, now_ms: 0.1)


def never_time_out(patch: Patch) -> None:
    async def patient(self: Waiting, work: Any, host: Any) -> object:
        async with asyncio.timeout(0.2):
            return await work

    patch.setattr(Waiting, "_in_time", patient)


def run_side_by_side(patch: Patch) -> None:
    patch.setattr(AddressLocks, "setdefault", lambda _, __, turn: turn)
    patch.setattr(AddressLocks, "__delitem__", lambda *_: None)


def log_nothing(patch: Patch) -> None:
    patch.setattr(Diagnostics, "loop_held", lambda *_: None)


def answer_nobody(patch: Patch) -> None:
    context: Any = Context
    patch.setattr(context, "_reply", lambda *_: None)


MISTAKES = [
    (swap_effects, "B9", EMBEDDED),
    (swap_effects, "B9", WIRE_2),
    (drop_a_message, "B10", EMBEDDED),
    (send_a_message_twice, "B10", WIRE_3),
    (drop_replies, "B27", WIRE_3),
    (write_in_any_order, "B11", EMBEDDED),
    (lose_deletions, "B12", WIRE_2),
    (skip_undo, "B23", EMBEDDED),
    (skip_undo, "F19", WIRE_3),
    (undo_state_only, "B23", WIRE_3),
    (never_retry, "F18", EMBEDDED),
    (retry_without_end_of_budget, "F22", WIRE_3),
    (ignore_tokens, "B39", EMBEDDED),
    (ignore_tokens, "B42", EMBEDDED),
    (no_cancellation_before_a_token, "B40", WIRE_3),
    (no_cancellation_before_a_token, "B39", WIRE_3),
    (write_unchanged_state, "B18", EMBEDDED),
    (compare_no_bytes, "B15", WIRE_2),
    (reorder_a_batch, "B10", EMBEDDED),
    (judge_ttl_late, "B25", EMBEDDED),
    (count_no_call, "B26", EMBEDDED),
    (retry_at_once, "F10", EMBEDDED),
    (never_time_out, "B51", WIRE_3),
    (run_side_by_side, "B55", WIRE_3),
    (log_nothing, "B48", WIRE_3),
    (answer_nobody, "B31", WIRE_3),
]


@pytest.mark.parametrize(
    ("mutate", "number", "engine"),
    [pytest.param(*each, id=f"{each[0].__name__}-{each[1]}-{each[2].name.replace(' ', '-')}") for each in MISTAKES],
)
async def test_a_mistake_turns_a_case_red(
    monkeypatch: Patch, mutate: Callable[[Patch], None], number: str, engine: EngineKind
) -> None:
    assert not await red(number, engine)
    mutate(monkeypatch)

    assert await red(number, engine)
