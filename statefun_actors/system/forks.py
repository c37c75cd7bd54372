"""Keeps locks, sockets, the event loop and signal handlers of this process out of its forked children.

A handler may start a child process with ``os.fork``, as ``multiprocessing`` does by default on Linux up to Python 3.13.
The child inherits every descriptor. While it runs, file locks stay held and ports stay in use after the parent has
ended; clients wait for the end of connections that the parent has closed; and its calls on the selector or the wakeup
socket of the event loop act on the parent's. So the child points these descriptors to ``/dev/null``. It does not close
them: the objects that hold the numbers would close them a second time, when another file may have the number.

A program started by ``subprocess`` inherits none of these descriptors and none of Python's signal handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Generator, Iterable
from typing import Any as Untyped
from typing import Final

_descriptors: Final[set[int]] = set()
_sources: Final[set[Callable[[], Iterable[int]]]] = set()
_loops: Final[set[asyncio.AbstractEventLoop]] = set()
_handlers: Final[set[Callable[..., object]]] = set()


def keep_from_children(descriptor: int) -> None:
    """Keep *descriptor* out of forked children. Call :func:`release` before you close it."""
    _descriptors.add(descriptor)


def release(descriptor: int) -> None:
    """End :func:`keep_from_children` for *descriptor*: it is about to be closed, and its number to be reused."""
    _descriptors.discard(descriptor)


@contextlib.contextmanager
def kept_from_children(descriptors: Callable[[], Iterable[int]]) -> Generator[None]:
    """Keep out of forked children what *descriptors* returns when one is forked: open descriptors, or -1."""
    _sources.add(descriptors)
    try:
        yield
    finally:
        _sources.discard(descriptors)


@contextlib.contextmanager
def loop_kept_from_children(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Keep the sockets of *loop* out of forked children: listeners, connections, selector and wakeup socket."""
    _loops.add(loop)
    try:
        yield
    finally:
        _loops.discard(loop)


@contextlib.contextmanager
def signals_kept_from_children(handler: Callable[..., object]) -> Generator[None]:
    """In forked children, replace the signal handler *handler* by Python's default."""
    _handlers.add(handler)
    try:
        yield
    finally:
        _handlers.discard(handler)


def _in_child() -> None:
    if _loops or _handlers:
        signal.set_wakeup_fd(-1)
        _reset_signals()
    descriptors = {*_descriptors, *(number for loop in _loops for number in _descriptors_of(loop))}
    for source in _sources:
        descriptors.update(source())
    for registered in (_descriptors, _sources, _loops, _handlers):
        registered.clear()
    if descriptors:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.fstat(descriptor)  # some, such as a kqueue, are not inherited
                os.dup2(null, descriptor, inheritable=False)
        os.close(null)


def _reset_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)):
        if number is not None and signal.getsignal(number) in _handlers:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def _descriptors_of(loop: Untyped) -> Iterable[int]:
    """The descriptors of *loop*: its selector and wakeup socket, sockets in the selector, and paused transports.

    asyncio has no public access to them. With a loop that has other private attributes, the child shares them.
    """
    selector, waker = getattr(loop, "_selector", None), getattr(loop, "_csock", None)
    with contextlib.suppress(AttributeError, ValueError):
        if selector is not None:
            yield from list(selector.get_map() or ())
            yield selector.fileno()
        if waker is not None:
            yield waker.fileno()
        yield from list(getattr(loop, "_transports", ()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
