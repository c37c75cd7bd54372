"""Dispatch for applications whose instruments listen to batches or handlers; all others run the bare one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any as Untyped
from typing import TypeAlias

from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.dispatch import dispatch
from statefun_actors.dispatch.observed_scope import ObservedBatch, ObservedRun
from statefun_actors.host import Host
from statefun_actors.model import Batch, MissingState, Outcome

Dispatch: TypeAlias = Callable[[Batch, Application, Host], Coroutine[Untyped, Untyped, Outcome]]


def dispatcher(app: Application) -> Dispatch:
    """The function to run the batches of *app* with: the bare ``dispatch``, or one that calls its instruments."""
    return _dispatch_observed if app.instruments.observe_batches else dispatch


async def _dispatch_observed(batch: Batch, app: Application, host: Host) -> Outcome:
    run = ObservedRun(batch, host, app.instruments)
    try:
        outcome = await dispatch(ObservedBatch(batch.target, batch.state, batch.invocations, run), app, host)
    except BaseException as error:  # the engine stopped it
        run.end(None, error)
        raise
    if not isinstance(outcome, MissingState):  # then Flink sends the batch again, with the states
        run.end(outcome, None)
    return outcome
