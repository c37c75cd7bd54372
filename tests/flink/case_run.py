"""A case under way on a real Flink: its clock, its messages and records, and the ways in which it ends early."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

import attrs

from statefun_actors import Address, KafkaRecord, RequestReplyHandler, TypedValue
from statefun_actors.dispatch import Application
from statefun_actors.model import Expiration
from statefun_actors.wire import v3_pb2
from tests.conformance.engine import Sent
from tests.flink.jvm import WAIT_SECONDS, Ended, Event, FlinkError, Record, Started
from tests.flink.over_kafka import FlinkOverKafka, read_back
from tests.flink.tap import Answer, Tap

_Value = TypeVar("_Value")
SCALE: Final = 0.2
"""How many seconds one second of a case takes."""

EXPIRING_SCALE: Final = 0.5
"""The same where states expire. Flink's clock judges that, so a slow machine needs more time between two messages."""

SLOWER: Final = ContextVar("SLOWER", default=1.0)
"""By how much more a second of a case takes, where it runs again."""

MARGIN: Final = 0.05
"""Seconds by which Flink's timers and our clock may differ."""

FAILED: Final = "the job failed"
CROWDED: Final = "one of the tap's own messages has company"


class CrowdedError(FlinkError):
    """Flink joined a message of the tap's own with others in one request, so that the case shows nothing."""


class EarlyError(FlinkError):
    """A case failed after Flink had delivered a delayed message before the case's own time: the machine was slow."""


class JobFailedError(FlinkError):
    """The job failed while a case ran: by what the case sent, or another one that ran at the same time."""


@attrs.define
class Delayed:
    """A delayed message that Flink was asked for."""

    due: float
    """In the case's time."""
    really_due: float
    """In the loop's."""
    sender: Address
    target: Address
    value: TypedValue
    token: str
    arrived: bool = False
    cancelled: bool = False
    too_late: bool = False
    """It came before it was cancelled, although in the case's time it had not: the machine was slow."""


@attrs.define
class Arrived:
    """A message that came to an address that the app does not serve."""

    sent: Sent
    delayed: Delayed | None


class CaseRun(ABC):
    """One application behind the tap: what it has on its way, what has come, and how that is waited for.

    Args:
        flink: Flink between its topics.
        tap: what Flink calls.
        app: what the tap calls.
    """

    def __init__(self, flink: FlinkOverKafka, tap: Tap, app: Application) -> None:
        self.loop = asyncio.get_running_loop()
        self.failures: list[str] = []
        self.reasons: list[str] = []
        self.changes: list[dict[str, object]] = []
        self.asked: list[list[str]] = []
        self._flink, self._tap, self._app = flink, tap, app
        self._handler = RequestReplyHandler(app)
        self._known = app.codecs()
        specs = [spec for served in app.served.values() for spec in served.function.states]
        self._expires = any(spec.expiration is not Expiration.NONE for spec in specs)
        self._scale = (EXPIRING_SCALE if self._expires else SCALE) * SLOWER.get()
        self.early = False
        """Whether a delayed message came before the case's own time, and was not cancelled."""
        self._now = 0.0
        self._on_their_way = 0
        self._delayed: dict[str, Delayed] = {}
        self._arrived: list[Arrived] = []
        self._expected: list[tuple[str, KafkaRecord]] = []
        self._records_due = 0
        self._records: list[Record] = []
        self._states: dict[Address, dict[str, TypedValue]] = {}
        self._touched: set[Address] = set()
        self._puts: list[tuple[Address, str, TypedValue]] = []
        self._failed: dict[Address, bytes] = {}
        self._spoken: dict[str, v3_pb2.FromFunction] = {}
        self._controls: dict[str, asyncio.Event] = {}
        self._numbers = itertools.count(1)
        self._broken: list[str] = []
        self._changed = asyncio.Event()
        self._run = tap.open(self)
        flink.listeners.append(self._listen)
        flink.takers.append(self._take_record)

    def close(self) -> None:
        self._flink.listeners.remove(self._listen)
        self._flink.takers.remove(self._take_record)
        self._tap.close_run(self._run)

    @abstractmethod
    async def answer(self, request: v3_pb2.ToFunction) -> Answer:
        """The answer to a request of Flink."""

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not (reached() or self._broken):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise FlinkError(f"{WAIT_SECONDS:g} s went by, waiting for {what}\n{self._flink.log()}") from None
        if self._broken:
            crowded = CROWDED in self._broken[0]
            kind = JobFailedError if self._broken[0] == FAILED else CrowdedError if crowded else FlinkError
            raise kind(f"{self._broken[0]}, waiting for {what}\n{self._flink.log()}")

    def _listen(self, event: Event) -> None:
        if isinstance(event, Started | Ended):
            self._soon(self._broke, FAILED if isinstance(event, Started) else "the JVM ended")

    def _broke(self, why: str) -> None:
        self._broken.append(why)
        self._changed.set()

    def _take_record(self, record: KafkaRecord) -> bool:
        """Whether this run has been waiting for *record*. Called in the thread that reads records."""
        for expected in tuple(self._expected):
            if expected[1] == record:
                self._expected.remove(expected)
                self._soon(self._arrive, Record(expected[0], read_back(record)))
                return True
        return False

    def _arrive(self, record: Record) -> None:
        self._records.append(record)
        self._records_due -= 1
        self._changed.set()

    def _soon(self, call: Callable[[_Value], None], value: _Value) -> None:
        with contextlib.suppress(RuntimeError):  # this run has just ended, and its loop with it
            self.loop.call_soon_threadsafe(call, value)

    async def _handled(self, target: Address, request: v3_pb2.ToFunction) -> v3_pb2.FromFunction:
        request.invocation.target.id = target.id
        return v3_pb2.FromFunction.FromString(await self._handler.handle(request.SerializeToString()))
