"""Lets processes that tests start hear the signals that stop them, also where this one was started not to hear them."""

from __future__ import annotations

import signal


def hear_stop_signals() -> None:
    """Handle Ctrl-C and SIGHUP where they are ignored, which programs would hand on to those that they start.

    A shell has what it runs in the background ignore Ctrl-C, and ``nohup`` SIGHUP. A handler of Python's is not handed
    on, and this one does nothing.
    """
    for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
