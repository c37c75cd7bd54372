"""What a forked child of this process does not share with it: locks, sockets, the event loop, signal handlers.

A handler may start a child process by ``os.fork``, as ``multiprocessing`` does by default on Linux up to Python 3.13.
The child has every descriptor of its parent. As long as it lives, a lock on a file stays locked and a port stays taken,
though the parent has ended; a client waits for the end of a connection that the parent has closed; and what it does to
the selector or the wakeup socket of the event loop is done to the parent's. So these descriptors lead to ``/dev/null``
in the child. They are not closed: the objects that hold their numbers would close them again, by then another file's.

A program that is started (``subprocess``) gets none of these descriptors, and none of Python's signal handlers.
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
_loops: Final[set[asyncio.AbstractEventLoop]] = set()
_handlers: Final[set[Callable[..., object]]] = set()


def keep_from_children(descriptor: int) -> None:
    """Children do not get *descriptor*; until :func:`release`, which comes before it is closed."""
    _descriptors.add(descriptor)


def release(descriptor: int) -> None:
    """*descriptor* is about to be closed, and its number is free for others."""
    _descriptors.discard(descriptor)


@contextlib.contextmanager
def loop_kept_from_children(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Children do not get the sockets of *loop*: those that it listens on, connections, and what it is woken by."""
    _loops.add(loop)
    try:
        yield
    finally:
        _loops.discard(loop)


@contextlib.contextmanager
def signals_kept_from_children(handler: Callable[..., object]) -> Generator[None]:
    """Children have Python's own signal handlers in the place of *handler*."""
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
    for forgotten in (_descriptors, _loops, _handlers):
        forgotten.clear()
    if descriptors:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                os.fstat(descriptor)  # some, such as a kqueue, are not inherited
                os.dup2(nowhere, descriptor, inheritable=False)
        os.close(nowhere)


def _reset_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)):
        if number is not None and signal.getsignal(number) in _handlers:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def _descriptors_of(loop: Untyped) -> Iterable[int]:
    """What *loop* watches, what it watches with, and its transports, which it does not watch while they are paused.

    asyncio shows none of these. Where another version of it, or another loop, keeps them elsewhere, they are shared.
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
