"""Pending responses of tasks."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any as Untyped

from statefun_actors.dispatch import HandlerTask, start_handler_task
from statefun_actors.http.request import OnDone, Pending, Response


class PendingTask:
    """The pending response of *task*, which returns None without a response."""

    __slots__ = ("_task",)

    def __init__(self, task: HandlerTask[Response | None]) -> None:
        self._task = task

    def on_done(self, callback: OnDone) -> None:
        self._task.add_done_callback(lambda task: callback(_result(task)))

    def cancel(self) -> None:
        self._task.stop()


def start(work: Coroutine[Untyped, Untyped, Response | None], *, eager: bool = True) -> Pending:
    """Run *work*, which calls handlers, in its own task. If *eager*, its first step runs at once, and suspends.

    Without *eager*, the task starts after the event loop has polled its sockets: a client that has closed the
    connection is noticed before a handler starts.
    """
    task = start_handler_task(work, eager=eager)
    assert isinstance(task, HandlerTask)
    if not eager:
        task.add_done_callback(lambda _: work.close())  # the task may be cancelled before it starts
    return PendingTask(task)


def _result(task: HandlerTask[Response | None]) -> Response | None:
    """The response of *task*, which is done. Its exception has passed the event loop and stops the process."""
    return None if task.cancelled() or task.exception() is not None else task.result()
