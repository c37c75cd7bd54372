"""Dispatch for applications whose instruments listen to batches or handlers; all others run the bare one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import TypeAlias

from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.dispatch import dispatch
from statefun_actors.dispatch.handler_task import in_own_context
from statefun_actors.dispatch.observed_scope import ObservedBatch, ObservedRun
from statefun_actors.host import Host
from statefun_actors.model import Batch, Headers, MissingState, Outcome

Dispatch: TypeAlias = Callable[[Batch, Application, Host], Coroutine[Untyped, Untyped, Outcome]]


def dispatcher(app: Application, *, keeps_headers: bool = False) -> Dispatch:
    """The function to run the batches of *app* with: the bare ``dispatch``, or one that calls its instruments.

    *keeps_headers*: whether its caller keeps the headers of messages that handlers send.
    """
    propagation = app.instruments.propagation
    if propagation is None:
        return _dispatch_observed if app.instruments.observe_batches else dispatch
    outgoing = propagation.outgoing if keeps_headers else None

    # The instrument sets context variables, which only the code of this batch may see.
    return lambda batch, app, host: in_own_context(_dispatch_observed(batch, app, host, outgoing))


async def _dispatch_observed(
    batch: Batch, app: Application, host: Host, outgoing: Callable[[], Headers | None] | None = None
) -> Outcome:
    run = ObservedRun(batch, host, app.instruments, outgoing)
    try:
        outcome = await dispatch(ObservedBatch(batch.target, batch.state, batch.invocations, run), app, host)
    except BaseException as error:  # the engine stopped it
        run.end(None, error)
        raise
    if not isinstance(outcome, MissingState):  # then Flink sends the batch again, with the states
        run.end(outcome, None)
    return outcome
