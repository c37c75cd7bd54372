"""``statefun-actors`` with its store watched: ``python -m tests.crash.watched MARKS KIND run ...``.

MARKS is a file of two numbers, how many commits were begun and how many have ended, which another process can look at
while this one runs. KIND is ``sound``, or ``forgetful``: a store that reports a commit as durable and writes it a
little later, as a disk that lies does. That the crash test finds that out shows that it would find anything.
"""

from __future__ import annotations

import asyncio
import mmap
import struct
import sys
from pathlib import Path

from statefun_actors.cli import main
from statefun_actors.store import Commit
from statefun_actors.store.sqlite import SqliteStore

_IDLE_SECONDS = 0.1
_HELD = 3
"""Commits that a forgetful store has not written yet: enough for clients to have seen the answers to the first ones."""

_PAIR = struct.Struct("<QQ")


class Marks:
    """How many commits were begun, and how many of them have ended; shared through the file *path*."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_PAIR.size))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _PAIR.size)

    def reset(self) -> None:
        self._shared[:] = bytes(_PAIR.size)

    def begin(self) -> None:
        begun, ended = _PAIR.unpack(self._shared)
        self._shared[:] = _PAIR.pack(begun + 1, ended)

    def end(self) -> None:
        begun, ended = _PAIR.unpack(self._shared)
        self._shared[:] = _PAIR.pack(begun, ended + 1)

    @property
    def committing(self) -> bool:
        """Whether a commit has been begun and has not ended."""
        begun, ended = _PAIR.unpack(self._shared)
        return bool(begun > ended)


def watch(marks: Marks, *, forgetful: bool) -> None:
    """Have every SqliteStore of this process leave its marks; a *forgetful* one writes each commit late."""
    commit = SqliteStore.commit
    held: list[Commit] = []
    writing = asyncio.Lock()
    idle: list[asyncio.TimerHandle] = []
    late: set[asyncio.Task[None]] = set()

    async def write_held(self: SqliteStore) -> None:
        async with writing:
            while held:
                await commit(self, held.pop(0))

    async def watched(self: SqliteStore, commit_: Commit) -> None:
        marks.begin()
        try:
            if not forgetful:
                await commit(self, commit_)
                return
            held.append(commit_)
            async with writing:
                while len(held) > _HELD:
                    await commit(self, held.pop(0))
            for timer in idle:
                timer.cancel()
            loop = asyncio.get_running_loop()
            idle[:] = [loop.call_later(_IDLE_SECONDS, lambda: late.add(loop.create_task(write_held(self))))]
        finally:
            marks.end()

    SqliteStore.commit = watched  # type: ignore[method-assign,assignment] # its parameter is named otherwise


if __name__ == "__main__":
    _, where, kind, *arguments = sys.argv
    watch(Marks(Path(where)), forgetful=kind == "forgetful")
    sys.argv = ["statefun-actors", *arguments]
    sys.exit(main())
