"""Lets processes that tests start hear the signals that stop them, also where this one was started not to hear them."""

from __future__ import annotations

import signal


def hear_stop_signals() -> None:
    """Handle Ctrl-C and SIGHUP where they are ignored, which programs would hand on to those that they start.

    A shell has what it runs in the background ignore Ctrl-C, and ``nohup`` SIGHUP. A handler of Python's is not handed
    on. That for Ctrl-C is Python's own, which tests of it need here, too; that for SIGHUP does nothing.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is signal.SIG_IGN:
        signal.signal(hang_up, lambda *_: None)
