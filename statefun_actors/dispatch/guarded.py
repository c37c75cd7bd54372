"""A batch with a failure policy: a message that fails is undone, and the rest of the batch runs.

Each message is settled on its own: the fields it touched are encoded. These bytes check the values, show the changes,
and are the point to roll back to.
"""

from __future__ import annotations

from contextvars import Context, copy_context
from datetime import UTC
from typing import Final, assert_never

from statefun_actors.backoff import Backoff
from statefun_actors.definition import (
    AttemptCutShortError,
    DeadLetter,
    Discard,
    FailurePolicy,
    NotYetError,
    Scope,
    TimedAttempts,
)
from statefun_actors.dispatch.answers import (
    BoundAnswer,
    attempt_number,
    failure_answer,
    next_attempt,
    report_retry,
    unwrapped,
)
from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.calling import NOT_YET, awaited
from statefun_actors.dispatch.dead_letter import dead_letter
from statefun_actors.dispatch.diagnostics import HELD_TOO_LONG
from statefun_actors.dispatch.done import done
from statefun_actors.dispatch.events import LoopHeld, MessageRefused, RepliedToItself
from statefun_actors.dispatch.failure import fails_batch, failure_of, is_terminal
from statefun_actors.dispatch.log_context import found_in, inherit, lookups
from statefun_actors.dispatch.reopening import references_to, reopened
from statefun_actors.dispatch.served_function import BoundHandler, ServedFunction
from statefun_actors.dispatch.tasks import current_handler_task, end_cancellations, take_back_cancellations
from statefun_actors.errors import InternalMessageError, MessageDecodeError, UnhandledMessageError
from statefun_actors.model import Batch, Failed, Invocation, MessageFailure, Outcome, Settlement
from statefun_actors.own_logger import own_logger
from statefun_actors.text import describe

logger: Final = own_logger("statefun_actors.dispatch")


class GuardedRun:
    """One run of one batch."""

    def __init__(self, batch: Batch, app: Application, served: ServedFunction, scope: Scope) -> None:
        self.batch, self.app, self.served, self.scope = batch, app, served, scope
        self.budget = app.settings.retry_budget
        self.began = 0.0
        """When the handler that runs has started."""
        self.failures: list[MessageFailure] = []
        self.subject = served.function.open(scope)
        self.references = references_to(self.subject)

    async def outcome(self) -> Outcome:
        instruments, host, function = self.app.instruments, self.scope.host, self.served.function
        marks: list[int] = []
        task = current_handler_task() if self.served.waits else None
        try:
            for index, invocation in enumerate(self.batch.invocations):
                if self.served.internal and (refused := refusal(self.served, invocation)) is not None:
                    self._refuse(index, invocation, refused)
                    marks.append(len(self.scope.effects))
                    continue
                attempt = 1
                while True:
                    effects, dropped = len(self.scope.effects), len(self.scope.dropped_replies or ())
                    suspended, handler = False, None
                    try:
                        if task is not None:
                            task.steps.runs_handlers = True
                        handler, message = self.served.resolve(invocation)
                        result, context = self._start(handler, message)
                        if result.__class__ in NOT_YET:
                            suspended = True
                            result = await awaited(result, handler.name, context, host, instruments, task)
                            suspended = False
                        if task is not None and task.cancelling():
                            await take_back_cancellations(task)
                        self._finish(result if handler.replies else None)
                        self._measure(handler)
                        break
                    except BaseException as raised:
                        error = failure_of(raised, self.served, invocation, task, suspended=suspended)
                    self.scope.failed(error, started=handler is not None)
                    self._measure(handler)
                    if task is not None:
                        task.steps.runs_handlers = False
                        if task.cancelling():
                            await end_cancellations(task)
                    policy = self._policy(invocation)
                    if self.scope.fatal is not None:
                        return Failed(None, self.scope.fatal)
                    if policy is None or fails_batch(error):
                        return Failed(index, error)
                    self._undo(effects, dropped)
                    wait = self._wait(policy, error, attempt)
                    if wait is None:
                        self._give_up(policy, index, invocation, error, attempt)
                        break
                    if wait:
                        await host.sleep(wait)
                    attempt += 1
                    self.scope.again(attempt)
                marks.append(len(self.scope.effects))
        finally:
            function.abandon(self.subject)
            if task is not None:
                task.steps.runs_handlers = False
        return done(self.scope, instruments, function, self.failures, marks)

    def _start(self, handler: BoundHandler | BoundAnswer, invocation: Invocation) -> tuple[object, Context]:
        """The result of the message's handler, or an object of a class in NOT_YET; and the context in which it runs."""
        scope = self.scope
        scope.begin(handler.name, invocation)
        # What an attempt sets in it does not reach the next one; what instruments have set reaches this one.
        context = copy_context()
        monotonic = scope.host.monotonic
        before = self.began = monotonic()
        message = context.run(handler.message, invocation.argument)
        result = context.run(handler.start, self.subject, message)
        if (held := monotonic() - before) > HELD_TOO_LONG:
            self.app.instruments.loop_held(LoopHeld(handler.name, held))
        return result, context

    def _measure(self, handler: BoundHandler | BoundAnswer | None) -> None:
        """An attempt of *handler* has ended; None: the message has none."""
        if (times := self.app.handler_times) is not None and handler is not None:
            times.add((self.batch.target[0], handler.name), self.scope.host.monotonic() - self.began)

    def _finish(self, result: object) -> None:
        """Settle the message after its handler returned *result*: its changes become the point to roll back to."""
        scope = self.scope
        if result is not None:
            scope.reply(result)
            if scope.caller == scope.target:
                self.app.instruments.replied_to_itself(RepliedToItself(scope.handler))
        if scope.fatal is not None:
            raise scope.fatal
        function = self.served.function
        function.settle(self.subject, scope)
        if len(self.batch.invocations) > 1:
            if references_to(self.subject) != self.references:
                self.subject = reopened(function, self.subject, scope)
            elif function.isolate is not None:
                function.isolate(self.subject, scope)

    def _refuse(self, index: int, invocation: Invocation, refused: InternalMessageError) -> None:
        """Refuse a message from outside for an internal handler. Without a policy this never fails the batch."""
        policy = self._policy(invocation)
        if policy is not None:
            self._give_up(policy, index, invocation, refused, 1)
            return
        self.app.instruments.message_refused(MessageRefused(refused.handler))
        logger.warning("%s: %s: %s", self.batch.target, Settlement.REFUSED.value, describe(refused))
        self.failures.append(MessageFailure(index, refused, Settlement.REFUSED, 1))

    def _policy(self, invocation: Invocation) -> FailurePolicy | None:
        try:
            handler, _ = self.served.resolve(invocation)
        except (UnhandledMessageError, MessageDecodeError, AttemptCutShortError):
            return self.served.policy
        return handler.policy

    def _undo(self, effects: int, dropped_replies: int) -> None:
        """Roll back: open a new subject with the state after the last settled message."""
        function = self.served.function
        function.abandon(self.subject)
        self.scope = self.scope.undone(effects, dropped_replies)
        if lookups and self.served.waits:
            inherit(self.scope)
        self.subject = function.open(self.scope)

    def _wait(self, policy: FailurePolicy, error: BaseException, attempts: int) -> float | None:
        """The seconds before the next attempt, taken from the budget; None after the last attempt."""
        wait = Backoff(policy.backoff).seconds(attempts)
        if attempts >= policy.attempts or is_terminal(error) or wait > self.budget:
            return None
        self.budget -= wait
        return wait

    def _give_up(
        self, policy: FailurePolicy, index: int, invocation: Invocation, error: BaseException, attempts: int
    ) -> None:
        target, message = self.batch.target, unwrapped(invocation)
        match policy:
            case DeadLetter():
                time = self.scope.host.now().astimezone(UTC).isoformat()
                self.scope.effects.append(dead_letter(policy, self.app, target, message, error, attempts, time))
                settlement = Settlement.DEAD_LETTER
            case Discard():
                settlement = Settlement.DISCARDED
            case TimedAttempts():
                again = None if is_terminal(error) else next_attempt(target, invocation, policy, error)
                if again is not None:
                    self.scope.effects.append(again)
                    if (report := report_retry(invocation)) is not None:
                        self.scope.effects.append(report)
                    if not isinstance(error, NotYetError):
                        number, wait = attempt_number(invocation), again.delay_ms / 1000
                        logger.warning(
                            "%s: attempt %d of %d failed, the next in %g s: %s",
                            target, number, policy.total, wait, describe(error),
                        )  # fmt: skip
                    return
                settlement, attempts = Settlement.DISCARDED, attempt_number(invocation)
            case _:
                assert_never(policy)
        logger.warning(
            "%s: %s of type %s%s: %s",
            target, settlement.value, message.argument.typename, f" after {attempts} attempts" if attempts > 1 else "",
            describe(error),
        )  # fmt: skip
        if (answer := failure_answer(invocation, describe(error))) is not None:
            self.scope.effects.append(answer)
        self.failures.append(MessageFailure(index, error, settlement, attempts))


def refusal(served: ServedFunction, invocation: Invocation) -> InternalMessageError | None:
    """The error for a message from outside whose handler is internal; None for other messages."""
    if served.retries:  # a further attempt is a message of the activity to itself
        invocation = unwrapped(invocation)
    return served.refused(invocation.argument.typename, invocation.caller)


def any_refused(served: ServedFunction, batch: Batch) -> bool:
    """Whether any message of *batch* is refused."""
    return any(refusal(served, invocation) is not None for invocation in batch.invocations)


found_in(GuardedRun.outcome, lambda variables: variables["self"].scope)
