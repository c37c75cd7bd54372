"""What a page is made from: the engine as of now, the store as of its last commit, and the query of the URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import attrs

from statefun_actors.admin import EngineState, StoreOverview, known_types
from statefun_actors.console.activity import Activity
from statefun_actors.console.scans import Scan
from statefun_actors.dispatch import Application
from statefun_actors.engine import FailingEgress, FailingMessage
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec


@attrs.frozen(kw_only=True)
class Live:
    """An engine as of one moment. Times in milliseconds since 1970.

    Args:
        handled: messages since the engine started, as are *timers_fired*.
        waiting: messages that have not been handled.
        parked: messages for function types that nothing here serves, by type.
        failing_egress: egresses that can't be written, by name.
        error: why the store failed last; None once it has been written since.
        activity: what the overview shows of the last minutes; None on other pages, and of several partitions.
    """

    now_ms: int
    handled: int
    timers_fired: int
    waiting: int
    parked: Mapping[str, int]
    failing: Sequence[FailingMessage]
    failing_egress: Mapping[str, FailingEgress]
    error: str | None
    activity: Activity | None

    @classmethod
    def of(cls, state: EngineState, now_ms: int, activity: Activity | None) -> Live:
        """The engine as in *state*."""
        return cls(
            now_ms=now_ms,
            handled=state.handled,
            timers_fired=state.timers_fired,
            waiting=state.waiting,
            parked=state.parked,
            failing=state.failing,
            failing_egress=state.failing_egress,
            error=state.error,
            activity=activity,
        )


@attrs.frozen(kw_only=True)
class Look:
    """What a page may read. The store can be read until the page has been made."""

    app: Application
    known: Mapping[str, Codec]
    live: Live
    store: StoreReader
    overview: Callable[[], StoreOverview]
    """Counts of the store, a few seconds old where counting takes long."""
    place: str
    """The store, for people."""
    path: str | None
    """The file of the store; None where it is in memory, as of *size*, its bytes."""
    size: int | None
    origin: str | None
    """The URL of the HTTP ingress, without a path, as the browser knows it; None where it may be elsewhere."""
    token: bool
    """Whether the server needs a token."""
    scan: Scan | None
    """The search that the page asks for."""

    def types(self) -> AbstractSet[str]:
        """The function types that are served, stored or paused, or have messages."""
        return known_types(self.store, self.app) | self.live.parked.keys()


@attrs.frozen(kw_only=True)
class Page:
    """A page: *template* is rendered with *content*."""

    template: str
    title: str
    content: Mapping[str, object]
    status: int = 200
