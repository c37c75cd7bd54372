"""Commands end by signals as they do by errors, so that they remove the files that they have not completed."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Final

_SIGNALS: Final = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_ENDED_BY: Final = 128
"""Added to the number of a signal, it is the exit code of shells for it."""


def end_by_signals() -> None:
    """From now on, SIGTERM and SIGHUP raise SystemExit, unless they are ignored or handled already."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(_ENDED_BY + number)
