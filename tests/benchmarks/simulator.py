"""Seeds a minute of the simulator: ``python -m tests.benchmarks.simulator [--seeds 500]``.

Three kinds of entities ask each other, send, and wait for timers, under all kinds of faults. The peer is the same
scenario without faults, in the same process, round by round; the medians are compared. Processor time counts.
"""

from __future__ import annotations

import asyncio
import statistics
import time

from statefun_actors.testing import TestRuntime, simulate
from tests.benchmarks.figures import Figure, parser_of, report
from tests.testing.simulation.planted import Account, Audit, Customer, right

GOAL = 2_000
ROUNDS = 5


async def without_faults(times: int) -> None:
    """The scenario, *times* times."""
    for _ in range(times):
        async with TestRuntime(Account, Audit, Customer) as runtime:
            await right(runtime)


def measure(seeds: int) -> tuple[float, float]:
    """Seconds of processor time a run: without faults, and under those of *seeds* seeds."""
    begun = time.process_time()
    asyncio.run(without_faults(seeds))
    between = time.process_time()
    simulate(right, Account, Audit, Customer, seeds=seeds)
    return (between - begun) / seeds, (time.process_time() - between) / seeds


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--seeds", type=int, default=500, help="for each round")
    options = parser.parse_args()
    rounds = [measure(options.seeds) for _ in range(ROUNDS)]
    bare, faults = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(f"without faults {bare * 1000:.2f} ms, under faults {faults * 1000:.2f} ms a run: {faults / bare:.2f} x")
    report(
        [Figure(name="simulate: seeds a minute", ours=[60 / each for _, each in rounds], aim=GOAL, unit="")], options
    )


if __name__ == "__main__":
    main()
