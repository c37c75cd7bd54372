"""Restores: what an entity had in the store of an embedded engine becomes its state on Flink.

A restore is a message of a reserved type. Its states become those of the entity, if that has none; its delayed messages
are sent for the rest of their delay, each in place of one with its token; and the messages that waited run, each with
the caller that it had. All of that is one outcome: it commits together, or not at all.

A restore that is refused never fails its batch, whatever the policy of the class: whoever may write to a topic could
stop the job with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from statefun_actors.address import Address
from statefun_actors.asking import RESTORE, RESTORED_NOTICE, Restore, address_of, is_address, read_restore
from statefun_actors.definition import LONGEST_DELAY
from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.events import MessageRefused
from statefun_actors.dispatch.observed import Dispatch
from statefun_actors.dispatch.served_function import ServedFunction
from statefun_actors.errors import StateDecodeError, StatefunActorsError
from statefun_actors.host import Host
from statefun_actors.model import (
    INGRESS,
    Batch,
    Cancel,
    Done,
    Effect,
    Failed,
    Invocation,
    MessageFailure,
    Outcome,
    Send,
    SendAfter,
    Settlement,
    TypedValue,
)
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe, describe_error

logger: Final = own_logger("statefun_actors.dispatch")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LONGEST_DELAY_MS: Final = LONGEST_DELAY // _MILLISECOND


class RestoreRefusedError(StatefunActorsError, PermissionError):
    """An entity was not restored. Nothing of it was changed; a retry helps after *advice* was followed."""

    def __init__(self, target: Address, reason: str, advice: str) -> None:
        super().__init__(target, reason, advice)
        self.target, self.reason, self.advice = target, reason, advice

    def __str__(self) -> str:
        return f"{self.target} was not restored: {self.reason}. {self.advice}"


async def dispatch_restoring(batch: Batch, app: Application, host: Host, dispatch: Dispatch) -> Outcome:
    """As *dispatch*, for a batch that may have restores."""
    served = app.all_served.get(batch.target[0])
    if served is None or any(name not in batch.state for name in served.state_names):
        return await dispatch(batch, app, host)  # no message runs; its outcome says why
    run = _Run(batch, app, host, dispatch, served)
    ordinary: list[Invocation] = []
    for index, invocation in enumerate(batch.invocations):
        if invocation.argument.typename != RESTORE:
            ordinary.append(invocation)
            continue
        failed = await run.messages(ordinary, index - len(ordinary)) or await run.restore(index, invocation)
        if failed is not None:
            return failed
        ordinary = []
    failed = await run.messages(ordinary, len(batch.invocations) - len(ordinary))
    return run.done() if failed is None else failed


class _Run:
    """One run of one batch: the outcomes of its parts, put together."""

    def __init__(self, batch: Batch, app: Application, host: Host, dispatch: Dispatch, served: ServedFunction) -> None:
        self._target, self._app, self._host, self._dispatch = batch.target, app, host, dispatch
        self._served = served
        self._state = dict(batch.state)
        self._changed: set[str] = set()
        self._effects: list[Effect] = []
        self._failures: list[MessageFailure] = []
        self._marks: list[int] = []

    def done(self) -> Done:
        changes = {name: self._state[name] for name in self._in_order(self._changed)}
        return Done(self._effects, changes, self._failures, self._marks)

    def _in_order(self, names: Iterable[str]) -> list[str]:
        """*names* of states in the order of their declaration."""
        declared = [spec.name for spec in self._served.function.states]
        return sorted(names, key=lambda name: declared.index(name) if name in declared else len(declared))

    async def messages(self, invocations: Sequence[Invocation], first: int) -> Outcome | None:
        """Run *invocations*, which begin at the index *first*; return the outcome of the batch if it fails."""
        if not invocations:
            return None
        before = len(self._effects)
        outcome = await self._part(invocations)
        if not isinstance(outcome, Done):
            if isinstance(outcome, Failed) and outcome.index is not None:
                return Failed(first + outcome.index, outcome.error)
            return outcome
        self._marks += [before + mark for mark in outcome.marks]
        self._failures += [
            MessageFailure(first + each.index, each.error, each.settlement, each.attempts) for each in outcome.failures
        ]
        return None

    async def restore(self, index: int, invocation: Invocation) -> Outcome | None:
        """Restore by *invocation*; return the outcome of the batch if a message that waited fails it."""
        now_ms = (self._host.now() - _EPOCH) // _MILLISECOND
        try:
            content = self._accepted(invocation, now_ms)
        except RestoreRefusedError as refused:
            self._app.instruments.message_refused(MessageRefused(f"{self._target[0]} (restore)"))
            logger.warning("%s: %s: %s", self._target, Settlement.REFUSED.value, describe(refused))
            self._failures.append(MessageFailure(index, refused, Settlement.REFUSED, 1))
            self._marks.append(len(self._effects))
            return None
        for each in content.delayed:
            target, value, delay_ms = Address(*each.target), TypedValue(*each.value), each.due_ms - now_ms
            if each.token:  # pending twice, it would fail the job each time
                self._effects.append(Cancel(each.token))
            self._effects.append(
                SendAfter(target, value, delay_ms, each.token) if delay_ms > 0 else Send(target, value)
            )
        waiting = [Invocation(TypedValue(*each.value), address_of(each.caller)) for each in content.waiting]
        if waiting:
            outcome = await self._part(waiting)
            if not isinstance(outcome, Done):
                return Failed(index, outcome.error) if isinstance(outcome, Failed) else outcome
        if invocation.caller is not None:
            self._effects.append(Send(invocation.caller, RESTORED_NOTICE))
        self._marks.append(len(self._effects))
        return None

    async def _part(self, invocations: Sequence[Invocation]) -> Outcome:
        outcome = await self._dispatch(Batch(self._target, dict(self._state), invocations), self._app, self._host)
        if isinstance(outcome, Done):
            self._effects += outcome.effects
            self._state.update(outcome.changes)
            self._changed.update(outcome.changes)
        return outcome

    def _accepted(self, invocation: Invocation, now_ms: int) -> Restore:
        """The content of *invocation*, whose states are those of the entity now.

        Raises:
            RestoreRefusedError: nothing has changed.
        """
        target, caller = self._target, invocation.caller
        if not self._app.settings.accept_restore:
            raise RestoreRefusedError(
                target,
                "this endpoint takes no restores",
                "Start it with `serve --accept-restore` while entities move here, and without it afterwards.",
            )
        if caller is not None and caller[0] != INGRESS:
            raise RestoreRefusedError(
                target, f"the message is from {caller}", "Only `export --to-kafka` restores, through Kafka."
            )
        try:
            content = read_restore(invocation.argument.value)
        except ValueError as error:
            raise RestoreRefusedError(
                target,
                f"the message can't be read: {describe_error(error)}",
                "Use one version of statefun-actors for `export` and `serve`.",
            ) from error
        if (problem := _problem(content, now_ms)) is not None:
            raise RestoreRefusedError(
                target, problem, "Nothing was changed. Only `export --to-kafka` writes what can be restored."
            )
        if content.states:
            present = self._in_order(name for name, value in self._state.items() if value is not None)
            if present:
                raise RestoreRefusedError(
                    target,
                    f"it has state already: {', '.join(present)}",
                    "Nothing was overwritten. Restore into a job that has not handled messages of this entity.",
                )
            restored = self._states_of(content)
            self._state.update(restored)
            self._changed.update(restored)
        return content

    def _states_of(self, content: Restore) -> dict[str, TypedValue]:
        """The states in *content*, with the types that are declared here: Flink keeps no others."""
        fields = {field.state_name: field for field in self._served.function.persisted}
        states: dict[str, TypedValue] = {}
        for name, (typename, data) in content.states.items():
            field, stored = fields.get(name), TypedValue(typename, data)
            if field is None:
                raise RestoreRefusedError(
                    self._target,
                    f"no field of it here is stored as {name!r}; there are {', '.join(fields) or 'none'}",
                    "Give `export` the application that is served.",
                )
            try:
                value = field.read(self._target[0], stored)
            except StateDecodeError as error:
                raise RestoreRefusedError(
                    self._target, str(error).rstrip("."), "Give `export` the application that is served."
                ) from error
            if typename == field.typename:
                states[name] = stored
            elif value is not None:
                states[name] = TypedValue(field.typename, field.codec.encode(value))
        return states


def _problem(content: Restore, now_ms: int) -> str | None:
    """What of *content* no engine has stored; None if all makes sense. Sent, it would fail the Flink job."""
    for each in content.delayed:
        if not is_address(each.target):
            return f"a delayed message has no target: expected <namespace>/<name> and an id, got {each.target!r}"
        if each.due_ms - now_ms > _LONGEST_DELAY_MS:
            return f"a delayed message is due in {each.due_ms - now_ms} ms, more than the limit of {_LONGEST_DELAY_MS}"
    for waiting in content.waiting:
        if waiting.caller is not None and not is_address(waiting.caller):
            return f"a waiting message has no caller: expected <namespace>/<name> and an id, got {waiting.caller!r}"
    values = [*(each.value for each in content.delayed), *(each.value for each in content.waiting)]
    return None if all(typename for typename, _ in values) else "a message has no type"
