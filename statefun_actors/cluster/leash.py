"""Child processes that end with their parent, even if that is killed.

A child first runs this file, without the rest of the package, and then becomes its command. On Linux it asks the
kernel to be killed when its parent dies. Elsewhere it starts a guard: a process that waits for the end of a pipe, whose
other end only the parent holds, and then kills the child.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def leashed(command: Sequence[str], parent: int, guard: int = -1) -> list[str]:
    """The command line that runs *command* until the process *parent* ends.

    *guard* is the inherited descriptor of a pipe whose other end *parent* holds; without it, the Linux kernel does the
    job.
    """
    return [sys.executable, "-I", "-S", str(Path(__file__)), str(parent), str(guard), *command]


_pipe: list[int] = []


def guard() -> list[int]:
    """The descriptor that a child must inherit for its guard; none on Linux, which needs no guard."""
    if sys.platform == "linux":
        return []
    if not _pipe:
        _pipe.extend(os.pipe())  # the writing end stays open until this process ends, and only here
    return _pipe[:1]


def _with_the_kernel(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died already
        os._exit(1)


def _with_a_guard(pipe: int) -> None:
    child = os.getpid()
    if os.fork() != 0:
        os.close(pipe)
        return
    os.setsid()
    os.closerange(0, pipe)
    os.closerange(pipe + 1, 64)
    os.set_blocking(pipe, False)
    import select  # noqa: PLC0415 - only here; other starts are faster without it

    while os.getppid() == child:
        if select.select([pipe], [], [], 1.0)[0]:  # the end of the pipe: nothing is ever written
            os.killpg(child, signal.SIGKILL)
            break
    os._exit(0)


def main() -> None:
    """Become the command in the arguments."""
    parent, guard, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if guard >= 0:
        _with_a_guard(guard)
    else:
        _with_the_kernel(parent)
    os.execvp(command[0], command)  # noqa: S606 - the caller's command, no shell


if __name__ == "__main__":
    main()
