"""Inboxes, which take messages from sources: one adds them to the open epoch, one records them for an inspection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, assert_never

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.engine.epoch import Lost
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import Headers, TypedValue
from statefun_actors.store import EgressRecord


class OpenInbox:
    """Adds the messages of a source to the open epoch of *working_set*."""

    def __init__(self, working_set: WorkingSet, now_ms: Callable[[], int], wake: Callable[[], None]) -> None:
        self._working_set, self._now_ms, self.wake = working_set, now_ms, wake

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        headers: Headers | None = None,
        caller: Address | None = None,
    ) -> None:
        if delay_ms > 0:
            self._working_set.post_later(self._now_ms() + delay_ms, target, value, caller, None, headers)
        elif caller is None:
            self._working_set.post(target, value, None, headers)
        else:
            self._working_set.send(target, value, caller, headers)

    def emit(self, egress: str, value: TypedValue, headers: Headers | None = None) -> None:
        working_set = self._working_set
        working_set.epoch.egress.append(EgressRecord(working_set.seq(), egress, value, headers))

    def when_durable(self, on_end: Callable[[Lost | None], object]) -> None:
        self._working_set.epoch.on_end.append(on_end)


class Submitted(Struct, frozen=True):
    """A message that a source has read."""

    target: Address
    value: TypedValue
    delay_ms: int
    headers: Headers | None
    caller: Address | None = None


class Emitted(Struct, frozen=True):
    """An egress record that a source has submitted."""

    egress: str
    value: TypedValue
    headers: Headers | None = None


Received: TypeAlias = Submitted | Emitted


class RecordingInbox:
    """Records the messages of a source, for :func:`move`."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.received: list[Received] = []
        self.on_end: list[Callable[[Lost | None], object]] = []

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        headers: Headers | None = None,
        caller: Address | None = None,
    ) -> None:
        self.received.append(Submitted(target, value, delay_ms, headers, caller))

    def emit(self, egress: str, value: TypedValue, headers: Headers | None = None) -> None:
        self.received.append(Emitted(egress, value, headers))

    def when_durable(self, on_end: Callable[[Lost | None], object]) -> None:
        self.on_end.append(on_end)

    def move(self, inbox: OpenInbox) -> None:
        """Put all recorded messages into *inbox*."""
        for received in self.received:
            match received:
                case Submitted(target, value, delay_ms, headers, caller):
                    inbox.submit(target, value, delay_ms=delay_ms, headers=headers, caller=caller)
                case Emitted(egress, value, headers):
                    inbox.emit(egress, value, headers)
                case _:
                    assert_never(received)
