"""Ctrl-C and SIGTERM: the first one stops cleanly, the second one at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether the user wants to stop. Wait for :attr:`wanted`; :attr:`signal` says by which signal it was told."""

    def __init__(self, before_dying: Sequence[Callable[[], None]]) -> None:
        self.signal: signal.Signals | None = None
        self.wanted = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._before_dying = before_dying

    def _told(self, number: int, _: FrameType | None) -> None:
        # Python's own signal handlers: the event loop's would wait for a handler that holds the loop.
        if self.signal is None:
            self.signal = signal.Signals(number)
            self._loop.call_soon_threadsafe(self.wanted.set)
            return
        for mend in self._before_dying:
            with contextlib.suppress(Exception):
                mend()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


@contextlib.contextmanager
def stop_signals(before_dying: Sequence[Callable[[], None]] = ()) -> Generator[Stop]:
    """Have the signals told to a :class:`Stop`.

    *before_dying* mends the terminal before a second one ends it all; what is added to it later counts, too.
    """
    stop = Stop(before_dying)
    before = {number: signal.signal(number, stop._told) for number in _SIGNALS}  # noqa: SLF001 - one piece
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
