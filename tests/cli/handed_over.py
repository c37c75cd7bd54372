"""The program ``statefun-actors`` in scripts that tests run: the command runs in the fork server of the tests.

``python -IS tests/cli/handed_over.py ORDERS PROGRAM ARGUMENTS``: ORDERS is the inherited file descriptor that takes
the orders of the fork server. PROGRAM runs what can't be forked. This file imports little, so that it takes
milliseconds.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from types import FrameType

COMMAND = "statefun_actors.__main__"
"""The main module of the command line, for the order."""
_HANDED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def hand_over(orders: socket.socket, arguments: list[str]) -> int:
    """Have the command run, with the folder, the environment and the streams of this process. Returns its exit code.

    Signals that stop a process stop the command; only SIGKILL can't be handed on.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _HANDED_ON)  # until it is known whom they are for
    order, writing = os.pipe()
    status, reporting = os.pipe()
    socket.send_fds(orders, [b"."], [order, reporting, 1, 2, 0])
    for each in (order, reporting):
        os.close(each)
    with os.fdopen(writing, "w") as file:
        json.dump([COMMAND, arguments, os.getcwd(), dict(os.environ), True], file)  # noqa: PTH109 - pathlib takes longer to import
    with os.fdopen(status) as reports:
        command = int(reports.readline())

        def hand_on(number: int, frame: FrameType | None) -> None:
            os.kill(command, number)

        for number in _HANDED_ON:
            signal.signal(number, hand_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDED_ON)
        return int(reports.readline())


if __name__ == "__main__":
    _, descriptor, program, *words = sys.argv
    if "--reload" in words:  # it starts an interpreter with the command line of its own
        os.execv(program, [program, *words])
    code = hand_over(socket.socket(fileno=int(descriptor)), words)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
