"""Asks the counters of durable-actors: ``python durable_actors_client.py URL KEYS``.

Calls each actor once and prints a line, or ends if that takes more than a minute. Then for each line ``KEYS SECONDS``
of its input it asks so many actors, each by a task of its own, and prints the number of answers and the seconds that it
took, as JSON.
"""

# Run by an interpreter of its own, which has durable-actors and nothing of this project.
from __future__ import annotations

import asyncio
import json
import sys
import time
from importlib import import_module
from typing import Any

START_SECONDS = 60
"""In which all actors must start."""


async def main(url: str, keys: int) -> None:
    async with import_module("durable_actors").AsyncClient(url) as client:
        async with asyncio.timeout(START_SECONDS):
            totals = {f"k{number}": await _called(client, f"k{number}") for number in range(keys)}
        print(json.dumps([keys, 0.0]), flush=True)
        for line in sys.stdin:
            chosen, seconds = int(line.split()[0]), float(line.split()[1])
            began = time.perf_counter()
            asked = [_ask(client, f"k{number}", totals, began + seconds) for number in range(chosen)]
            answered = sum(await asyncio.gather(*asked))
            print(json.dumps([answered, time.perf_counter() - began]), flush=True)


async def _ask(client: Any, key: str, totals: dict[str, int], until: float) -> int:
    """Add to *key* until then, at least once; the number of answers, each of which must be the next total."""
    answered = 0
    while not answered or time.perf_counter() < until:
        total = await _called(client, key)
        totals[key] += 1
        assert total == totals[key], f"{key} is {total}, of {totals[key]} calls"
        answered += 1
    return answered


async def _called(client: Any, key: str) -> int:
    """The new total of *key*. A call that was not executed, since its actor was about to start or stop, is repeated."""
    while True:
        try:
            return int(await client.invoke("Counter", key, "add", [1]))
        except import_module("durable_actors").ActorInvocationError as error:
            if error.code != "unavailable":
                raise


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
