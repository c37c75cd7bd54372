"""One batch, run without an engine: for :func:`given`."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any as Untyped

from statefun_actors.dispatch import Application, SystemHost, dispatch, in_handler_task
from statefun_actors.model import Batch, Outcome
from statefun_actors.system import end_tasks, run_in_own_loop, run_until_done


class BatchHost(SystemHost):
    """A host with virtual time, which a backoff advances, so that no test waits. Tokens are deterministic."""

    repeats = False

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._tokens = itertools.count(1)

    def token(self) -> str:
        return f"{next(self._tokens):032x}"

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def run_batch(batch: Batch, app: Application, host: BatchHost) -> Outcome:
    """The outcome of *batch*. It works inside a running event loop, too: then on another one, in a thread."""
    served = app.all_served.get(batch.target.typename)
    run = run_in_own_loop if served is None or served.waits else _run_plain
    return _run(in_handler_task(dispatch(batch, app, host)), run)


def _run_plain(work: Coroutine[Untyped, Untyped, Outcome]) -> Outcome:
    """As ``run_in_own_loop`` for handlers that await nothing, in a third of the time: without a handler of signals."""
    loop = asyncio.new_event_loop()
    try:
        outcome = run_until_done(loop, work)
        if asyncio.all_tasks(loop):
            run_until_done(loop, end_tasks())
        return outcome
    finally:
        loop.close()


def _run(work: Coroutine[Untyped, Untyped, Outcome], run: Callable[[Untyped], Outcome]) -> Outcome:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run(work)
    outcomes: list[Outcome] = []
    errors: list[BaseException] = []

    def run_in_thread() -> None:
        try:
            outcomes.append(run(work))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run_in_thread)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return outcomes[0]
