"""Responses that a task works on."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any as Untyped

from statefun_actors.dispatch import HandlerTask, start_handler_task
from statefun_actors.http.request import OnDone, Pending, Response


class PendingTask:
    """A response that *task* works on. The task returns None if there is none."""

    __slots__ = ("_task",)

    def __init__(self, task: HandlerTask[Response | None]) -> None:
        self._task = task

    def on_done(self, callback: OnDone) -> None:
        self._task.add_done_callback(lambda task: callback(_result(task)))

    def cancel(self) -> None:
        self._task.stop()


def start(work: Coroutine[Untyped, Untyped, Response | None], *, eager: bool = True) -> Response | Pending:
    """Run *work*, in which handlers run, in a task of its own; its response, if that is there at once.

    Without *eager*, it begins once the event loop has seen what else has arrived: a client that left in the same breath
    is then noticed before a handler has begun.
    """
    task = start_handler_task(work, eager=eager)
    response = _result(task) if task.done() else None
    if response is None and not eager:
        task.add_done_callback(lambda _: work.close())  # it may be cancelled before it has begun
    return PendingTask(task) if response is None else response


def _result(task: HandlerTask[Response | None]) -> Response | None:
    """The response of *task*, which is done. An exception has gone up through the event loop: it stops the process."""
    return None if task.cancelled() or task.exception() is not None else task.result()
