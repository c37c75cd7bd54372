"""The loop of a peer in the handler benchmark: work on stdin, µs on stdout, a line of JSON each.

A machine that does other things too interrupts whatever takes long, so the work is timed in short stretches, and the
best one is told.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections.abc import Awaitable, Callable

Handle = Callable[[bytes], Awaitable[bytes]]


def answer(handlers: dict[str, Handle]) -> None:
    """Until stdin ends: ``{"handler", "requests", "times", "stretch"}`` in, µs a request and the first reply out."""
    asyncio.run(_answer(handlers))


async def _answer(handlers: dict[str, Handle]) -> None:
    for line in sys.stdin:
        work = json.loads(line)
        handle = handlers[work["handler"]]
        requests = [base64.b64decode(request) for request in work["requests"]]
        reply = await handle(requests[0])
        best = float("inf")
        for _ in range(work["times"]):
            for start in range(0, len(requests), work["stretch"]):
                stretch = requests[start : start + work["stretch"]]
                before = time.perf_counter()
                for request in stretch:
                    await handle(request)
                best = min(best, (time.perf_counter() - before) / len(stretch))
        print(json.dumps({"us": best * 1e6, "reply": base64.b64encode(reply).decode()}), flush=True)
