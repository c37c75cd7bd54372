"""Searches for entities by the value of a field: they read a whole type, show their progress, and can be cancelled."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from threading import Event
from typing import Final, Literal

import attrs

from statefun_actors.address import Address
from statefun_actors.admin import field_matcher
from statefun_actors.console.background import Background
from statefun_actors.dispatch import Application
from statefun_actors.errors import StatefunActorsError
from statefun_actors.own_logger import own_logger
from statefun_actors.store import StoreReader, open_reader
from statefun_actors.types import Codec

logger: Final = own_logger("statefun_actors.console")

MOST_FOUND: Final = 1_000
_KEPT: Final = 20
"""Searches whose results are kept."""
_SLICE_SECONDS: Final = 0.005
"""A search reads for this long, and then rests for as long: the engine needs the processor, too."""
_UNSEEN_SECONDS: Final = 60.0
"""A search at which no page looks for this long ends."""

_Cancelled = Literal["cancelled", "replaced"]
_Ending = Literal["", "done", "full", "unseen", "failed"] | _Cancelled


@attrs.frozen
class Search:
    """What is searched: entities of *typename* whose ids begin with *prefix* and whose *field* is *written*.

    *number* is that of the page that asks for it, so that the same search can be made again.
    """

    typename: str
    prefix: str
    field: str
    written: str
    number: str


@attrs.define(eq=False)
class Scan:
    """A search that runs or has ended.

    Args:
        scanned: entities that were read.
        found: the first of those that match, by id.
        ending: how it ended; empty while it runs. ``replaced``: another search began. ``unseen``: no page looked at it.
        problem: why it failed.
    """

    search: Search
    scanned: int = 0
    found: list[Address] = attrs.field(factory=list)
    ending: _Ending = ""
    problem: str = ""
    seen: float = attrs.field(factory=time.monotonic)
    """When a page looked at it last, by the monotonic clock."""
    cancelled: Event = attrs.field(factory=Event)
    _cancelled_as: _Cancelled = "cancelled"

    def cancel(self, ending: _Cancelled = "cancelled") -> None:
        """End it soon as *ending*, if it runs or waits to begin."""
        if not self.cancelled.is_set():
            self._cancelled_as = ending
            self.cancelled.set()

    def unwanted(self) -> _Ending:
        """How it is to end, if it was cancelled or no page looks at it any more; empty if it goes on."""
        if self.cancelled.is_set():
            return self._cancelled_as
        return "unseen" if time.monotonic() - self.seen > _UNSEEN_SECONDS else ""


class Scans:
    """The searches of one console. One runs at a time: the next one cancels it, and begins when it has ended.

    To be used on the event loop.

    Args:
        app: reads the fields of its classes.
        store: of the engine; read on the event loop where *path* is None.
        path: of a store in a file, which each search reads over a connection of its own.
    """

    def __init__(self, app: Application, known: Mapping[str, Codec], store: StoreReader, path: Path | None) -> None:
        self._app, self._known, self._store, self._path = app, known, store, path
        self._scans: dict[Search, Scan] = {}
        self._running: Scan | None = None
        self._task: asyncio.Future[None] | None = None
        self._background = Background(threads=1)

    def of(self, search: Search, now_ms: int) -> Scan:
        """The scan of *search*, which begins if there is none."""
        scan = self._scans.get(search)
        if scan is None:
            if self._running is not None:
                self._running.cancel("replaced")
            scan = self._running = self._scans[search] = Scan(search)
            if len(self._scans) > _KEPT:
                del self._scans[next(iter(self._scans))]
            if self._path is None:
                self._task = asyncio.get_running_loop().create_task(self._on_loop(scan, self._store, now_ms))
            else:
                self._task = self._background.run(functools.partial(self._in_thread, scan, self._path, now_ms))
        scan.seen = time.monotonic()
        return scan

    def cancelled(self, search: Search) -> Scan:
        """The scan of *search*, which it cancels; it begins none."""
        scan = self._scans.get(search)
        if scan is None:
            return Scan(search, ending="cancelled")
        scan.cancel()
        return scan

    def progress(self) -> object:
        """A value that differs when a running search has read more, or has ended."""
        scan = self._running
        return None if scan is None else (scan.search, scan.scanned, scan.ending)

    def close(self) -> None:
        """Cancel what runs, and wait until the store is closed."""
        if self._running is not None:
            self._running.cancel()
        if self._task is not None:
            self._task.cancel()
        self._background.close()
        if self._running is not None and not self._running.ending:  # it was never begun, or its task is cancelled
            self._running.ending = "cancelled"

    def _in_thread(self, scan: Scan, path: Path, now_ms: int) -> None:
        try:
            store = open_reader(path)
            try:
                for _ in self._steps(scan, store, now_ms):
                    scan.cancelled.wait(_SLICE_SECONDS)
            finally:
                store.close()
        except Exception as error:
            _failed(scan, error)

    async def _on_loop(self, scan: Scan, store: StoreReader, now_ms: int) -> None:
        for _ in self._steps(scan, store, now_ms):
            await asyncio.sleep(_SLICE_SECONDS)

    def _steps(self, scan: Scan, store: StoreReader, now_ms: int) -> Generator[None]:
        """Read the entities; each step takes a slice of time. Nothing is read once *scan* is unwanted."""
        search = scan.search
        try:
            if unwanted := scan.unwanted():
                scan.ending = unwanted
                return
            matches = field_matcher(search.typename, search.field, search.written, now_ms, self._app, self._known)
            ends = time.monotonic() + _SLICE_SECONDS
            for row in store.entities(search.typename, search.prefix):
                if matches(row):
                    if len(scan.found) == MOST_FOUND:
                        scan.ending = "full"
                        return
                    scan.found.append(row.address)
                scan.scanned += 1
                if time.monotonic() >= ends:
                    yield
                    if unwanted := scan.unwanted():
                        scan.ending = unwanted
                        return
                    ends = time.monotonic() + _SLICE_SECONDS
            scan.ending = "done"
        except Exception as error:
            _failed(scan, error)


def _failed(scan: Scan, error: Exception) -> None:
    scan.ending, scan.problem = "failed", str(error)
    if not isinstance(error, StatefunActorsError):  # a bug of this library
        logger.error("the search of the console failed", exc_info=error)
