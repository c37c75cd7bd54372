"""A batch under a failure policy: a message that fails is undone while the rest goes on.

Every message is settled on its own. Settling encodes what the message touched; those bytes are at once the check, the
change test and the point to go back to.
"""

from __future__ import annotations

import logging
from datetime import UTC
from typing import Final, assert_never

from statefun_actors.definition import DeadLetter, Discard, FailurePolicy, Scope
from statefun_actors.dispatch.application import Application, BoundHandler, Route
from statefun_actors.dispatch.calling import HELD_TOO_LONG, call
from statefun_actors.dispatch.dead_letter import dead_letter
from statefun_actors.dispatch.failure import describe_error, fails_batch, is_terminal, sorted_out
from statefun_actors.dispatch.outcome import done
from statefun_actors.errors import MessageDecodeError
from statefun_actors.model import Batch, Failed, Invocation, Outcome, Setback, Settlement

logger: Final = logging.getLogger("statefun_actors.dispatch")

_MOST_DOUBLINGS: Final = 60


class GuardedRun:
    """One run of one batch."""

    def __init__(self, batch: Batch, app: Application, route: Route, scope: Scope) -> None:
        self.batch, self.app, self.route, self.scope = batch, app, route, scope
        self.budget = app.settings.retry_budget
        self.setbacks: list[Setback] = []
        self.subject = route.function.open(scope)

    async def outcome(self) -> Outcome:
        marks: list[int] = []
        try:
            for index, invocation in enumerate(self.batch.invocations):
                if (failed := await self._message(index, invocation)) is not None:
                    return failed
                marks.append(len(self.scope.effects))
        finally:
            self.route.function.abandon(self.subject)
        return done(self.scope, self.app.notes, self.route.function, self.setbacks, marks)

    async def _message(self, index: int, invocation: Invocation) -> Failed | None:
        """Run one message until it succeeds or its policy gives it up; Failed where the whole batch comes to nothing."""
        route, typename = self.route, invocation.argument.typename
        attempt = 1
        while True:
            scope = self.scope
            effects, dropped = len(scope.effects), len(scope.dropped_replies or ())
            policy = route.policy
            try:
                handler = route.handlers.get(typename) or route.handler(typename)
                policy = handler.policy
                await self._attempt(handler, invocation, scope)
                return None
            except BaseException as raised:
                error = sorted_out(raised, route, invocation)
            if scope.fatal is not None:
                return Failed(None, scope.fatal)
            if policy is None or fails_batch(error):
                return Failed(index, error)
            self._undo(effects, dropped)
            wait = policy.backoff * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS)
            if attempt >= policy.attempts or is_terminal(error) or wait > self.budget:
                self._give_up(policy, index, invocation, error, attempt)
                return None
            self.budget -= wait
            if wait:
                await scope.host.sleep(wait)
            attempt += 1

    async def _attempt(self, handler: BoundHandler, invocation: Invocation, scope: Scope) -> None:
        argument = invocation.argument
        subject = self.subject
        scope.begin(handler.name, invocation.caller)
        try:
            message = handler.decode(argument.value, argument.typename)
        except ValueError as error:
            raise MessageDecodeError(argument.typename, describe_error(error)) from error
        if handler.waits:
            result = await call(handler, subject, message, scope.host, self.app.notes)
        else:
            before = scope.host.monotonic()
            result = handler.function(subject, message)
            held = scope.host.monotonic() - before
            if held > HELD_TOO_LONG:
                self.app.notes.held_loop(handler.name, held)
        if result is not None:
            scope.reply(result)
        if scope.fatal is not None:
            raise scope.fatal
        self.route.function.settle(subject, scope)

    def _undo(self, effects: int, dropped_replies: int) -> None:
        """A new subject, where the last settled message ended."""
        function = self.route.function
        function.abandon(self.subject)
        self.scope = self.scope.undone(effects, dropped_replies)
        self.subject = function.open(self.scope)

    def _give_up(
        self, policy: FailurePolicy, index: int, invocation: Invocation, error: BaseException, attempts: int
    ) -> None:
        target = self.batch.target
        match policy:
            case DeadLetter():
                time = self.scope.host.now().astimezone(UTC).isoformat()
                self.scope.effects.append(dead_letter(policy, self.app, target, invocation, error, attempts, time))
                settlement = Settlement.DEAD_LETTER
            case Discard():
                settlement = Settlement.DISCARDED
            case _:
                assert_never(policy)
        logger.warning(
            "%s: %s of type %s after %d attempt%s: %s: %s",
            target, settlement.value, invocation.argument.typename, attempts, "" if attempts == 1 else "s",
            type(error).__name__, describe_error(error),
        )  # fmt: skip
        self.setbacks.append(Setback(index, error, settlement, attempts))
