"""Requests at a steady rate, and how long each waited for its answer: load that a slow server does not slow down."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Sequence

from tests.benchmarks.restate.load import BadAnswerError

_SILENCE_SECONDS = 30.0
_END = b"\r\n\r\n"


def paced(
    host: str, port: int, requests: Sequence[bytes], *, connections: int, rate: float, seconds: float
) -> list[float]:
    """Send *requests* in turns, *rate* a second, for *seconds*; the seconds until each was answered, sorted.

    A request is due at its time, whether its connection is busy or not, and waits from then on: a server that stands
    still for a moment delays all that are due meanwhile, and each of them counts.

    Raises:
        BadAnswerError: something was answered without success, or not at all.
    """
    opened = [socket.create_connection((host, port)) for _ in range(connections)]
    waiting = {each: deque[tuple[float, bytes]]() for each in opened}
    taken: list[float] = []
    try:
        for each in opened:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        total, began = int(rate * seconds), time.perf_counter()
        due = 0
        while len(taken) < total:
            now = time.perf_counter()
            while due < total and began + due / rate <= now:
                connection, request = opened[due % connections], requests[due % len(requests)]
                waiting[connection].append((began + due / rate, request))
                if len(waiting[connection]) == 1:
                    connection.sendall(request)
                due += 1
            left = began + due / rate - time.perf_counter() if due < total else _SILENCE_SECONDS
            ready, _, _ = select.select(opened, [], [], max(0.0, left))
            if not ready and due == total:
                raise BadAnswerError(f"{total - len(taken)} requests were not answered within {_SILENCE_SECONDS:g} s")
            for connection in ready:
                answer = connection.recv(65_536)
                if answer[9:10] != b"2" or _END not in answer:  # answers are short: each comes in one piece
                    raise BadAnswerError(answer.decode(errors="replace") or "the connection was closed")
                taken.append(time.perf_counter() - waiting[connection].popleft()[0])
                if waiting[connection]:
                    connection.sendall(waiting[connection][0][1])
    finally:
        for each in opened:
            each.close()
    return sorted(taken)


def percentile(times: Sequence[float], percent: int) -> float:
    """Of *times*, which are sorted."""
    return times[min(len(times) - 1, len(times) * percent // 100)]
