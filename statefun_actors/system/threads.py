"""Calls in threads. A thread whose call has ended is used again for a while.

They are daemon threads, so that a process can end although a call never does. It waits for all calls that were not
abandoned, as it does for threads of ``concurrent.futures``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any as Untyped
from typing import Final, Generic, TypeVar

_T = TypeVar("_T")

_IDLE_SECONDS: Final = 10.0
"""After this time an idle thread ends."""


class ThreadCall(Generic[_T]):
    """Runs *call* in a thread, at once.

    Args:
        call: may raise anything but StopIteration, which a future can't hold.
        ended: called in the thread when *call* has ended, before its result is known; it must not raise.

    Raises:
        RuntimeError: the system can't start another thread.
    """

    __slots__ = ("_call", "_ended", "_error", "_value", "result")

    _value: _T

    def __init__(self, call: Callable[[], _T], ended: Callable[[], object] | None = None) -> None:
        self._call, self._ended = call, ended
        self._error: BaseException | None = None
        self.result: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        """What *call* returns or raises. Cancelling it does not end the thread."""
        _threads.begin(self)

    def abandon(self) -> None:
        """From now on the process can end while this call runs."""
        _threads.remove(self)

    def run(self) -> None:
        """Run the call in this thread."""
        try:
            self._value = self._call()
        except BaseException as error:
            self._error = error
            # This frame refers to it. The class of the error may have attributes of these names.
            trace = BaseException.__dict__["__traceback__"].__get__(error)
            BaseException.with_traceback(error, None if trace is None else trace.tb_next)

    def report(self) -> None:
        """Report that the call has ended."""
        if self._ended is not None:
            self._ended()
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self.result.get_loop().call_soon_threadsafe(self._set_result)

    def _set_result(self) -> None:
        if self.result.done():  # cancelled
            return
        if self._error is None:
            self.result.set_result(self._value)
        else:
            self.result.set_exception(self._error)


class _Threads:
    """All threads, idle and busy, and the calls that the end of the process waits for."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, in a child process, which has none of the threads."""
        self._begun: SimpleQueue[ThreadCall[Untyped]] = SimpleQueue()
        self._changed = threading.Condition(threading.Lock())
        self._idle = 0
        """Idle threads, without those for which a call is in the queue."""
        self._kept: set[ThreadCall[Untyped]] = set()

    def begin(self, call: ThreadCall[Untyped]) -> None:
        with self._changed:
            starts = not self._idle
            if not starts:
                self._idle -= 1
            self._kept.add(call)
        if starts:
            try:
                threading.Thread(target=self._work, name="statefun-actors call", daemon=True).start()
            except BaseException:
                self.remove(call)
                raise
        self._begun.put(call)

    def remove(self, call: ThreadCall[Untyped]) -> None:
        """The end of the process does not wait for *call* any more."""
        with self._changed:
            self._kept.discard(call)
            if not self._kept:
                self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            while self._kept:
                self._changed.wait()

    def _work(self) -> None:
        while True:
            try:
                call = self._begun.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._changed:
                    if self._idle:
                        self._idle -= 1
                        return
                continue  # a call is about to enter the queue
            call.run()
            self.remove(call)
            with self._changed:
                self._idle += 1  # before the end is reported, after which another call may begin
            call.report()
            del call


_threads: Final = _Threads()


def wait_for_threads() -> None:
    """Return when no call runs any more, except those that were abandoned."""
    _threads.wait()


atexit.register(wait_for_threads)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget)
