"""``MessageLog``: the handled messages, changed fields and faults of a test, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypeAlias

import attrs

from statefun_actors.asking import ANSWER, OWN_FUNCTIONS, REPLY, SCHEDULE
from statefun_actors.dispatch import Application, value_inside
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.store import EgressRecord, EntityRow, Message, unpack
from statefun_actors.testing.faults.shown_values import displayed
from statefun_actors.text import one_line
from statefun_actors.types import value_of

_LONGEST: Final = 10_000
_SENDERS: Final = {REPLY: "ask", SCHEDULE: "schedule"}
"""The shown forms of messages of the library's own functions."""


@attrs.frozen
class LogEntry:
    """One line of the log.

    Args:
        after: virtual time since the test began.
        text: ``bank/account/ada -> bank/audit/all: Noted(cents=5)``, ``bank/account/ada.balance: 0 -> 5``, or a fault.
    """

    after: timedelta
    text: str

    def __str__(self) -> str:
        return f"{self.after!s:>10}  {self.text}"


@attrs.frozen
class _Changed:
    row: EntityRow
    before: bytes | None


_Event: TypeAlias = Message | _Changed | EgressRecord | str


class MessageLog:
    """Records events, and formats them when it is read. It keeps the last 10,000.

    Args:
        app: the application that runs.
        start_ms: when the test began, in milliseconds since 1970.
    """

    def __init__(self, app: Application, start_ms: int) -> None:
        self._app, self._start_ms = app, start_ms
        self._events: deque[tuple[int, _Event]] = deque(maxlen=_LONGEST)

    def handled(self, now_ms: int, messages: Sequence[Message]) -> None:
        """*messages*, of one target, are handed to their handlers."""
        self._events.extend((now_ms, message) for message in messages)

    def changed(self, now_ms: int, row: EntityRow, before: bytes | None) -> None:
        """A commit holds *row*, which was *before*."""
        self._events.append((now_ms, _Changed(row, before)))

    def sent_out(self, now_ms: int, record: EgressRecord) -> None:
        """A commit holds *record*."""
        self._events.append((now_ms, record))

    def fault(self, now_ms: int, text: str) -> None:
        """A fault was injected."""
        self._events.append((now_ms, f"--- {text} ---"))

    def entries(self) -> list[LogEntry]:
        """The log so far, oldest first, without messages between the library's own functions."""
        found = []
        for now_ms, event in self._events:
            after = timedelta(milliseconds=now_ms - self._start_ms)
            found += [LogEntry(after, one_line(text)) for text in self._texts(event)]
        return found

    def _texts(self, event: _Event) -> list[str]:
        match event:
            case str():
                return [event]
            case Message():
                return self._message(event)
            case EgressRecord(_, name, value):
                return [f"-> egress {name}: {self._value(value)}"]
            case _Changed(row, before):
                return self._fields(row, before)

    def _message(self, message: Message) -> list[str]:
        if message.target.typename in OWN_FUNCTIONS:
            return []
        caller = message.caller
        argument = value_inside(message.value)
        if caller is None or caller.typename == INGRESS:
            sender = "outside"
        elif message.value.typename == ANSWER:
            sender = "answer"
        else:
            sender = _SENDERS.get(caller.typename, str(caller))
        return [f"{sender} -> {message.target}: {self._value(argument)}"]

    def _fields(self, row: EntityRow, before: bytes | None) -> list[str]:
        if row.address.typename in OWN_FUNCTIONS:
            return []
        old = unpack(row.address, before, ()).state
        new = unpack(row.address, row.packed, ()).state
        names = dict.fromkeys([*old, *new])
        return [
            f"{row.address}.{name}: {self._stored(old.get(name))} -> {self._stored(new.get(name))}"
            for name in names
            if old.get(name) != new.get(name)
        ]

    def _stored(self, value: TypedValue | None) -> str:
        return "absent" if value is None else self._value(value)

    def _value(self, value: TypedValue) -> str:
        return displayed(value_of(value, self._app.codecs()))
