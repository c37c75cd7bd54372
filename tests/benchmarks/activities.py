"""A thousand activities at once, next to DBOS: ``python -m tests.benchmarks.activities [--profile]``.

An entity asks an activity that waits 200 ms a thousand times, with ``concurrency=1000``, over a store in a file: time
until the last ``then`` has run and is durable. Then the same with an activity that returns at once, for the processor
time of a call, next to that of a workflow of one step on DBOS, which also stores the call and its result. Restate's
``ctx.run`` is not run here. ``--profile`` shows where the time of the calls goes instead.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from statefun_actors import AsyncRuntime, Entity, NoAnswer, activity, answers, handles, persisted
from tests.benchmarks.figures import CannotMeasureError, Figure, Unmeasured, parser_of, profiled, report
from tests.benchmarks.library import DBOS, dbos_us

CALLS: Final = 1_000
SECONDS: Final = 0.2
MOST_SECONDS: Final = 0.5
ROUNDS: Final = 7
DBOS_CALLS: Final = 250


@activity("bench/slow", concurrency=CALLS)
async def slow(message: int) -> int:
    await asyncio.sleep(SECONDS)
    return message


@activity("bench/quick", concurrency=CALLS)
async def quick(message: int) -> int:
    return message


class Caller(Entity, typename="bench/caller"):
    done: int = persisted(default=0)

    @handles(bool)
    def begin(self, wait: bool) -> None:
        for _ in range(CALLS):
            self.ask(slow if wait else quick, 1, then=self.called, timeout=timedelta(minutes=1))

    @handles(str)
    def nothing(self, message: str) -> None: ...

    @answers
    def called(self, answer: int | NoAnswer) -> None:
        assert isinstance(answer, int), answer
        self.done += answer
        Counted.left -= 1


class Counted:
    """The calls whose ``then`` has not run."""

    left = 0


async def called(runtime: AsyncRuntime, *, wait: bool) -> tuple[float, float]:
    """The seconds until a thousand calls are done, and those of a processor."""
    Counted.left = CALLS
    began, used = time.perf_counter(), time.process_time()
    await runtime.tell(Caller.at("all"), wait)
    while Counted.left:  # noqa: ASYNC110 - entities have no event to set
        await asyncio.sleep(0.001)
    await runtime.tell(Caller.at("all"), "")  # durable after all of them
    return time.perf_counter() - began, time.process_time() - used


async def measure(folder: Path, *, profile: bool) -> tuple[Sequence[float], Sequence[float]]:
    """The seconds of a thousand slow calls, and the µs of a processor of a quick one, by round."""
    async with AsyncRuntime(Caller, slow, quick, store=folder / "activities.db") as runtime:
        await called(runtime, wait=False)
        if profile:
            with profiled():
                await called(runtime, wait=False)
            return [], []
        slow_rounds = [await called(runtime, wait=True) for _ in range(ROUNDS)]
        quick_rounds = [await called(runtime, wait=False) for _ in range(ROUNDS)]
    used = statistics.median(used for _, used in slow_rounds) / CALLS * 1e6
    print(f"a call of an activity that waits {SECONDS * 1e3:.0f} ms takes {used:.0f} µs of a processor")
    return [seconds for seconds, _ in slow_rounds], [used / CALLS * 1e6 for _, used in quick_rounds]


def compare_with_dbos(folder: Path, ours: Sequence[float]) -> Figure | Unmeasured:
    """A call of an activity, *ours* in µs of a processor, next to a workflow of one step."""
    name, peer = "a call of an activity: processor time", f"DBOS {DBOS}, a one-step workflow"
    try:
        theirs = dbos_us(folder, DBOS_CALLS)
    except CannotMeasureError as error:
        return Unmeasured(name=name, reason=str(error))
    print(f"a workflow of one step on DBOS {DBOS} takes {theirs:.0f} µs of a processor")
    return Figure(name=name, ours=ours, peer=peer, theirs=[theirs] * len(ours), aim=1.0, at_least=False)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--folder", type=Path, help="where the stores are; a temporary one unless given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        seconds, ours = asyncio.run(measure(Path(name), profile=options.profile))
        if options.profile:
            return
        against_dbos = compare_with_dbos(Path(name), ours)
    print(f"a call of an activity takes {statistics.median(ours):.0f} µs of a processor")
    at_once = Figure(
        name=f"{CALLS:,} activities of {SECONDS * 1e3:.0f} ms at once",
        ours=seconds,
        aim=MOST_SECONDS,
        at_least=False,
        unit="s",
    )
    report([at_once, against_dbos], options)


if __name__ == "__main__":
    main()
