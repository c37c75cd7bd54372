"""``dispatch(batch, app, host) -> Outcome``: the only function that runs user code.

It uses no socket, file or database, and takes the time from *host*. Each engine passes it a batch and applies the
outcome, so each behaviour of user code is implemented here, once for all engines.

A batch of a class without a failure policy is checked once, at its end: any failure discards the whole batch. With a
policy each message is settled on its own (:mod:`~.guarded`).
"""

from __future__ import annotations

from contextvars import copy_context

from statefun_actors.definition import Scope
from statefun_actors.dispatch.answers import BoundAnswer
from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.calling import NOT_YET, awaited
from statefun_actors.dispatch.diagnostics import HELD_TOO_LONG
from statefun_actors.dispatch.done import done
from statefun_actors.dispatch.events import LoopHeld, RepliedToItself
from statefun_actors.dispatch.failure import failure_of
from statefun_actors.dispatch.guarded import GuardedRun, any_refused
from statefun_actors.dispatch.log_context import found_in, inherit, lookups
from statefun_actors.dispatch.reopening import references_to, reopened
from statefun_actors.dispatch.served_function import BoundHandler
from statefun_actors.dispatch.tasks import current_handler_task, end_cancellations, take_back_cancellations
from statefun_actors.errors import UnknownFunctionTypeError
from statefun_actors.host import Host
from statefun_actors.model import Batch, Failed, MissingState, Outcome


async def dispatch(batch: Batch, app: Application, host: Host) -> Outcome:  # noqa: C901 - hot, so in one piece
    """Run every message of *batch* in order.

    Returns:
        :class:`Done` with effects and changed states; :class:`MissingState` if the batch lacks states that the
        function declares (no user code has run); :class:`Failed` if the batch has no effect.
    """
    target, state, invocations = batch.target, batch.state, batch.invocations
    served = app.all_served.get(target[0])
    if served is None:
        return Failed(None, UnknownFunctionTypeError(target[0], app.typenames))
    for name in served.state_names:
        if name not in state:
            return MissingState([spec for spec in served.function.states if spec.name not in state])
    observed_scope = app.observed_scope  # Python 3.11 calls an attribute that is no method slowly
    if observed_scope is None:  # the same as Scope.of with a call less
        first = invocations[0].argument.typename if invocations else ""
        scope = Scope(batch, host, app.record_egresses, target, target[1], state, first)
    else:
        scope = observed_scope(batch, host, app.record_egresses)
    if lookups and served.waits:
        inherit(scope)
    if served.checked and (served.guarded or any_refused(served, batch)):
        return await GuardedRun(batch, app, served, scope).outcome()
    function, handlers, effects = served.function, served.handlers, scope.effects
    subject = function.open(scope)
    several, isolate = len(invocations) > 1, function.isolate
    references = references_to(subject) if several else 0
    marks: list[int] = []
    suspended = False
    task = current_handler_task() if served.waits else None
    monotonic, times = host.monotonic, app.handler_times
    before = monotonic()
    try:
        for invocation in invocations:
            argument = invocation.argument
            bound = handlers.get(argument.typename)
            handler: BoundHandler | BoundAnswer
            if bound is None:
                scope.handler = ""
                handler, invocation = served.resolve(invocation)  # noqa: PLW2901 - an answer out of its envelope
                scope.begin(handler.name, invocation)
                context = copy_context()
                message = context.run(handler.message, invocation.argument)
            else:
                handler = bound
                if observed_scope is None:  # the same as scope.begin with a call less
                    scope.handler, scope.invocation = handler.name, invocation
                else:
                    scope.begin(handler.name, invocation)
                # What user code sets in it does not reach the next message; what instruments have set reaches this one.
                context = copy_context()
                try:  # bound.message(argument) with a call less
                    message = context.run(bound.read, argument.value)
                except Exception as unreadable:
                    raise bound.unreadable(argument, unreadable) from unreadable
            result = context.run(handler.start, subject, message)
            after = monotonic()
            if after - before > HELD_TOO_LONG:
                app.instruments.loop_held(LoopHeld(handler.name, after - before))
            if result is not None:
                if result.__class__ in NOT_YET:
                    suspended = True
                    result = await awaited(result, handler.name, context, host, app.instruments, task)
                    suspended = False
                    after = monotonic()
                if result is not None and handler.replies:
                    scope.reply(result)
                    if invocation.caller == scope.target:
                        app.instruments.replied_to_itself(RepliedToItself(handler.name))
            if several:
                result = message = None  # each may be the value of a field, which then would look shared
                if references_to(subject) != references:
                    function.settle(subject, scope)
                    subject = reopened(function, subject, scope)
                elif isolate is not None:
                    isolate(subject, scope)
            marks.append(len(effects))
            if times is not None:
                times.add((target[0], handler.name), after - before)
            before = after
        function.settle(subject, scope)
        if task is not None and task.steps.changed and task.cancelling():
            await take_back_cancellations(task)
    except BaseException as raised:
        index = len(marks)
        if index == len(invocations):  # all have run
            index = 0 if index == 1 else -1  # any of several messages may have set a value that does not fit
        elif times is not None and scope.handler:
            times.add((target[0], scope.handler), monotonic() - before)
        at_fault = invocations[index] if index >= 0 else None
        error = failure_of(raised, served, at_fault, task, suspended=suspended)
        if task is not None and task.cancelling():
            await end_cancellations(task)
        return Failed(None, scope.fatal) if scope.fatal is not None else Failed(index if index >= 0 else None, error)
    finally:
        function.abandon(subject)
        if task is not None:
            task.steps.runs_handlers = False
    if scope.fatal is not None:
        return Failed(None, scope.fatal)
    return done(scope, app.instruments, function, (), marks)


found_in(dispatch, lambda variables: variables.get("scope"))
