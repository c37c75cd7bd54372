"""Ctrl-C and SIGTERM: the first one stops cleanly, the second one or a timeout at once.

A closed window (SIGHUP) stops cleanly, too, but never counts as the second one: the shell and the system send one each,
and systemd sends one after SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from types import FrameType
from typing import Final

from statefun_actors.system import loop_kept_from_children, signals_kept_from_children

_HANG_UP: Final[signal.Signals | None] = getattr(signal, "SIGHUP", None)
"""None on Windows."""
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, *(() if _HANG_UP is None else (_HANG_UP,)))


class Stop:
    """A requested stop. Wait for :attr:`wanted`; :attr:`signal` is the signal that requested it."""

    def __init__(
        self, before_dying: Sequence[Callable[[], None]], within: float | None, *, supervised: bool = False
    ) -> None:
        self.signal: signal.Signals | None = None
        self.wanted = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._before_dying = before_dying
        self._within, self._supervised = within, supervised
        self._terminals = Terminals()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._terminals.forget_those_gone()
        # Python's own signal handlers: those of the event loop would wait for a handler that blocks the loop.
        if self.signal is None:
            self.signal = signal.Signals(number)
            self._loop.call_soon_threadsafe(self.wanted.set)
            if self._within is not None:
                # A thread: code that blocks the loop, or the end of the interpreter, can't block it.
                late = threading.Timer(self._within, self._too_late, [number])
                late.daemon = True
                late.start()
            return
        if is_repeated(number) or self._supervised:
            return
        self._mend()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _too_late(self, number: int) -> None:
        self._mend()
        with contextlib.suppress(Exception):
            sys.stderr.write(
                f"Ended after {self._within:g} s, although a handler still runs: "
                "its messages are stored, and will be handled at the next start.\n"
            )
            sys.stderr.flush()
        os._exit(128 + number)

    def _mend(self) -> None:
        for mend in self._before_dying:
            with contextlib.suppress(Exception):
                mend()


class Terminals:
    """The terminals of standard output and standard error."""

    def __init__(self) -> None:
        self._descriptors = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def forget_those_gone(self) -> None:
        """Discard later writes to a closed terminal, which would be errors."""
        for descriptor in self._descriptors:
            if not os.isatty(descriptor):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


def is_repeated(number: int) -> bool:
    """Whether a second signal of this *number* has no further effect."""
    return number == _HANG_UP


def heard() -> list[signal.Signals]:
    """The signals that stop the process. Signals that its parent has set to be ignored stay ignored, as under nohup."""
    return [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


@contextlib.contextmanager
def stop_signals(
    before_dying: Sequence[Callable[[], None]] = (),
    *,
    within: float | None = None,
    supervised: bool = False,
) -> Generator[Stop]:
    """Report the signals to a :class:`Stop`.

    *before_dying* restores the terminal before a second signal ends the process; callables may be added to it later.
    With *within*, the process is ended this number of seconds after the first signal.

    *supervised*: a supervisor hears the signals, too. Only SIGTERM counts, and a second one has no effect: the system
    may send it to both, and then the supervisor sends it.
    """
    stop = Stop(before_dying, within, supervised=supervised)
    on_signal = stop._on_signal  # noqa: SLF001 - one piece
    numbers = [signal.SIGTERM] if supervised else heard()
    with loop_kept_from_children(asyncio.get_running_loop()), signals_kept_from_children(on_signal):
        before = {number: signal.signal(number, on_signal) for number in numbers}
        try:
            yield stop
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
