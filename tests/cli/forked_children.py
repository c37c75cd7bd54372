"""The processes that a forked ``run --partitions`` or ``serve --workers`` starts: they are forked, too.

``multiprocessing`` starts an interpreter for each of them, which imports everything: half a second of processor time.
Here it asks a copy of the command, made before the command began, which forks instead. The new process becomes a child
of the command, gets the descriptors and the pickled work that an interpreter would get, and runs the same program of
``multiprocessing``.
"""

from __future__ import annotations

import ctypes
import fcntl
import functools
import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from multiprocessing import util
from pathlib import Path
from typing import Final

NAME: Final = "forked-child"
"""What the system calls such a process."""

_PR_SET_CHILD_SUBREAPER: Final = 36
_MOST: Final = 250
"""Descriptors for one process; the system sends 253 at once."""


def fork_children() -> None:
    """From here on what ``multiprocessing`` starts is forked from a copy of this process as it is now.

    Only Linux lets a process adopt another one's child; elsewhere interpreters are started.
    """
    if sys.platform != "linux":
        return
    orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        orders.close()
        exec(_program_of_a_child(theirs), {})
        raise AssertionError("the program of multiprocessing ends the process")
    theirs.close()
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "can't adopt processes")
    util.spawnv_passfds = functools.partial(_start, orders.detach(), util.spawnv_passfds)


def _start(
    number: int,
    start_interpreter: Callable[..., int],
    path: bytes,
    arguments: Sequence[str | bytes],
    descriptors: Sequence[int],
) -> int:
    """What ``multiprocessing.util.spawnv_passfds`` does: a child that has these *descriptors*; its process id.

    *number*: the descriptor of the socket for orders.
    """
    command = [os.fsdecode(each) for each in arguments]
    if command[-1] != "--multiprocessing-fork":  # the tracker of resources, which imports little
        return start_interpreter(path, arguments, descriptors)
    numbers = sorted(set(descriptors))
    orders = socket.socket(fileno=number)
    try:
        socket.send_fds(orders, [json.dumps([command[-2], numbers]).encode()], numbers)
        return int(orders.recv(100))
    finally:
        orders.detach()  # it stays open until this process ends


def _program_of_a_child(orders: socket.socket) -> str:
    """Fork for each order. Returns in the new processes, the program that each is to run."""
    while True:
        order, copies, _, _ = socket.recv_fds(orders, 100_000, _MOST)
        if not order:
            os._exit(0)  # the command has ended
        reading, writing = os.pipe()
        between = os.fork()
        if between == 0:
            break
        pid = os.read(reading, 100)
        os.waitpid(between, 0)  # by its end the new process has become a child of the command
        for each in (reading, writing, *copies):
            os.close(each)
        orders.send(pid)
    if child := os.fork():
        os.write(writing, b"%d" % child)
        os._exit(0)
    program, numbers = json.loads(order)
    _place(copies, numbers)
    orders.detach()  # its descriptor is closed
    Path("/proc/self/comm").write_text(NAME)
    sys.argv[:] = ["-c", "--multiprocessing-fork"]
    return str(program)


def _place(copies: Sequence[int], numbers: Sequence[int]) -> None:
    """Give the descriptors *copies* these *numbers*, and close all others but the standard streams."""
    above = max(*copies, *numbers) + 1
    parked = [fcntl.fcntl(each, fcntl.F_DUPFD, above) for each in copies]
    os.closerange(3, above)
    for each, number in zip(parked, numbers, strict=True):
        os.dup2(each, number)
        os.close(each)
