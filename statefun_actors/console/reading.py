"""Reading the store for a page: over a connection of its own, or, in memory, on the engine's event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from statefun_actors.admin import StoreOverview, view_store
from statefun_actors.console.look import Live, Look
from statefun_actors.console.scans import Scan, Scans
from statefun_actors.console.subjects import Subject
from statefun_actors.dispatch import Application
from statefun_actors.store import StoreReader, open_reader

_LEAST_SECONDS: Final = 0.5
_SHARE: Final = 20
"""Counting a store takes at most one part in this many of the time of a thread."""


class Reading:
    """Gives pages what they read of *subject*. *token*: whether its server needs one."""

    def __init__(self, subject: Subject, *, token: bool) -> None:
        self._token = token
        self._app: Application = subject.engine.app
        self._known = self._app.codecs()
        self._store = subject.engine.store
        self.path: Path | None = subject.path
        """None where the store is in memory, and can be read on the engine's event loop only."""
        self._counted: tuple[float, StoreOverview] | None = None
        """The last counts, and the time until which they are taken again."""

    def scans(self) -> Scans:
        """Searches of the same store."""
        return Scans(self._app, self._known, self._store, self.path)

    @property
    def place(self) -> str:
        """The store, for people."""
        return "memory" if self.path is None else str(self.path)

    @contextmanager
    def look(self, live: Live, origin: str | None, scan: Scan | None = None) -> Generator[Look]:
        """What a page may read, the engine being as in *live*, its HTTP ingress at *origin*, and its search *scan*.

        Raises:
            StoreError: the store can't be read.
        """
        if self.path is None:
            yield self._look(live, self._store, None, origin, scan)
            return
        store = open_reader(self.path)
        try:
            yield self._look(live, store, _size(self.path), origin, scan)
        finally:
            store.close()

    def _look(self, live: Live, store: StoreReader, size: int | None, origin: str | None, scan: Scan | None) -> Look:
        return Look(
            app=self._app,
            known=self._known,
            live=live,
            store=store,
            overview=lambda: self._overview(lambda: view_store(store)),
            place=self.place,
            path=None if self.path is None else str(self.path),
            size=size,
            origin=origin,
            token=self._token,
            scan=scan,
        )

    def _overview(self, count: Callable[[], StoreOverview]) -> StoreOverview:
        began = time.monotonic()
        if self._counted is not None and began < self._counted[0]:
            return self._counted[1]
        counts = count()
        ended = time.monotonic()
        self._counted = (ended + max(_LEAST_SECONDS, _SHARE * (ended - began)), counts)
        return counts


def _size(path: Path) -> int:
    """Bytes of the store at *path* with its log, or of all partitions in it."""
    files = [each for each in path.iterdir() if each.name.isdecimal()] if path.is_dir() else [path]
    found = 0
    for name in (*files, *(Path(f"{file}-wal") for file in files)):
        with suppress(OSError):
            found += name.stat().st_size
    return found
