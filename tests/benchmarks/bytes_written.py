"""Bytes that the embedded store writes for a message: ``python -m tests.benchmarks.bytes_written``.

An engine over SQLite, whose counter adds each message to its one field: one message at a time, and 500 in an epoch to
1, 100 and 10,000 keys at random. What the process hands to the file system (``wchar`` in /proc/self/io) is compared
with what the arithmetic says: each epoch appends every page that it changes to the log, with a header of 24 bytes; so

    bytes a message = pages changed by an epoch x (2,048 + 24) / messages of an epoch.

Later each changed page is copied into the file, once for all epochs since the last copy (8,000 pages of the log). That
part is not in these figures: it adds the share of different pages among those 8,000.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, SystemClock
from statefun_actors.store import Commit
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.store.sqlite.schema import PAGE_SIZE
from statefun_actors.types import pack
from tests.benchmarks.figures import CannotMeasureError, Figure, needed, parser_of, report
from tests.benchmarks.growing import Counter
from tests.engine.engines import send

Work: TypeAlias = Callable[[Sequence[int]], Awaitable[None]]
PAGE_IN_LOG: Final = PAGE_SIZE + 24
EPOCH: Final = 500
MOST_MESSAGES: Final = 8_000
MOST: Final = {1: 50.0, 100: 100.0, 10_000: 2_000.0}
MOST_ALONE: Final = 5_000.0
MOST_OFF: Final = 0.05
"""Share by which the arithmetic may be off: other files, and the log's own header."""


class CountingStore(SqliteStore):
    """Counts its commits."""

    commits = 0

    async def commit(self, commit: Commit) -> None:
        self.commits += 1
        await super().commit(commit)


@attrs.frozen
class Written:
    """What some messages wrote."""

    messages: int
    bytes: int
    commits: int
    pages: int

    @property
    def each(self) -> float:
        """Bytes for a message."""
        return self.bytes / self.messages

    @property
    def expected(self) -> float:
        """The same by arithmetic."""
        return self.pages * PAGE_IN_LOG / self.messages


def handed_over() -> int:
    """Bytes that this process has written so far.

    Raises:
        CannotMeasureError: the system does not tell.
    """
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        raise CannotMeasureError("there is no /proc/self/io") from None
    return int(next(line for line in lines if line.startswith("wchar:")).split()[1])


@asynccontextmanager
async def working(path: Path, at_once: int) -> AsyncGenerator[tuple[CountingStore, Work]]:
    """A store with an engine, and what sends messages to ids, *at_once* of them waiting at a time."""
    store = CountingStore(path)
    engine = Engine(Application(Counter), store, SystemClock())
    running = asyncio.create_task(engine.run())

    async def work(ids: Sequence[int]) -> None:
        for start in range(0, len(ids), at_once):
            for id in ids[start : start + at_once]:
                send(engine, Counter.at(f"{id:05}"), pack(1))
            await engine.settled()

    try:
        yield store, work
    finally:
        await engine.stop()
        await running
        store.close()


async def written(path: Path, keys: int, messages: int, at_once: int) -> Written:
    """What *messages* to keys at random write to a store that has them already, from an empty log on."""
    chance = random.Random(1)
    async with working(path, EPOCH) as (_, work):
        await work(range(keys))
    async with working(path, at_once) as (store, work):
        await work([0])
        log = path.with_name(f"{path.name}-wal")
        size, before, commits = log.stat().st_size, handed_over(), store.commits
        await work(chance.choices(range(keys), k=messages))
        pages = (log.stat().st_size - size) // PAGE_IN_LOG
        return Written(messages, handed_over() - before, store.commits - commits, pages)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--messages", type=int, default=5_000, help="to each number of keys")
    options = parser.parse_args()
    if options.messages > MOST_MESSAGES:
        parser.error(f"expected at most {MOST_MESSAGES:,} messages, got {options.messages:,}: the log would begin anew")
    needed("bytes that the store writes for a message", options, handed_over)
    figures: list[Figure] = []
    cases = [("one at a time", 1, 1, 200, MOST_ALONE)]
    cases += [
        (f"{keys:,} {'key' if keys == 1 else 'keys'}", keys, EPOCH, options.messages, MOST[keys]) for keys in MOST
    ]
    for name, keys, at_once, messages, most in cases:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(written(Path(folder) / "store.db", keys, messages, at_once))
        pages = found.pages / found.commits
        print(
            f"{name}: {pages:,.1f} pages an epoch x {PAGE_IN_LOG:,} B / {found.messages / found.commits:,.1f} messages "
            f"an epoch = {found.expected:,.0f} B a message; written: {found.each:,.0f} B"
        )
        figures.append(
            Figure(name=f"bytes written for a message, {name}", ours=[found.each], aim=most, at_least=False, unit="B")
        )
        figures.append(
            Figure(
                name=f"bytes written, {name}", ours=[found.each], peer="the arithmetic", theirs=[found.expected],
                aim=1 + MOST_OFF, at_least=False,
            )
        )  # fmt: skip
    report(figures, options)


if __name__ == "__main__":
    main()
