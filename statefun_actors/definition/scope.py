"""The batch under way, as user code sees it through an entity or a context.

One scope a batch. It holds what the batch started from, what has changed since, and the effects asked for so far.
Undo is cheap by construction: effects are cut back to a mark, and :meth:`Scope.fresh` forgets everything that the
undone message had read or touched, so that a new instance starts from the state as last settled.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from statefun_actors.errors import ValueMismatchError
from statefun_actors.model import (
    Address,
    Batch,
    Cancel,
    Effect,
    Egress,
    Host,
    KafkaRecord,
    KinesisRecord,
    Send,
    SendAfter,
    TypedValue,
    check_typename,
)
from statefun_actors.types import pack, record_to_typed

_MS: Final = timedelta(milliseconds=1)


def delay_ms(delay: object) -> int:
    """*delay* (a timedelta, or seconds) in whole milliseconds, rounded up.

    Raises:
        ValueMismatchError: negative, not a number, or no delay at all.
    """
    if delay.__class__ is not timedelta:
        if not isinstance(delay, int | float | timedelta) or isinstance(delay, bool):
            raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}")
        try:
            delay = delay if isinstance(delay, timedelta) else timedelta(seconds=delay)
        except (ValueError, OverflowError):
            raise ValueMismatchError("a delay as timedelta or seconds", f"{delay!r}") from None
    ms = -(-delay // _MS)  # type: ignore[operator]
    if ms < 0:
        raise ValueMismatchError("a delay of zero or more", f"{delay!r}")
    return int(ms)


def _check_target(target: object) -> Address:
    if isinstance(target, Address):
        return target
    raise ValueMismatchError(
        "an address: Account.at('ada') or Address('bank/account', 'ada')", f"{target!r} ({type(target).__name__})"
    )


class Scope:
    """State, time and effects of one batch."""

    __slots__ = (
        "_now",
        "assigned",
        "baseline",
        "batch_state",
        "caller",
        "changes",
        "defaults",
        "deleted",
        "dropped_replies",
        "effects",
        "fatal",
        "host",
        "record_egresses",
        "target",
    )

    def __init__(self, batch: Batch, host: Host, record_egresses: frozenset[str]) -> None:
        self.target = batch.target
        self.batch_state = batch.state
        self.changes: dict[str, TypedValue | None] = {}
        """What settled messages changed; None = deleted."""
        self.effects: list[Effect] = []
        self.caller: Address | None = None
        self.host = host
        self.record_egresses = record_egresses
        self.dropped_replies = 0
        self.fatal: BaseException | None = None
        """Set by what must fail the whole batch even if user code swallows the exception."""
        self._now: datetime | None = None
        self.baseline: dict[str, object] = {}
        """Field → the object that was decoded for it, to tell reading from assigning."""
        self.defaults: dict[str, tuple[object, bytes]] = {}
        """Field → the default made for it because it was absent, and that default's bytes."""
        self.assigned: set[str] = set()
        """Fields whose assignment alone counts as a change (expire_after_write)."""
        self.deleted: set[str] = set()
        """Fields that the message under way has deleted."""

    def fresh(self) -> None:
        """Forget what the undone message read and assigned."""
        self.baseline = {}
        self.defaults = {}
        self.assigned = set()
        self.deleted = set()

    def current(self, name: str) -> TypedValue | None:
        """The state *name* as last settled. KeyError where neither the batch nor a change has it."""
        if name in self.changes:
            return self.changes[name]
        return self.batch_state[name]

    def begin(self, caller: Address | None) -> None:
        """A message starts."""
        self.caller = caller
        self._now = None

    @property
    def now(self) -> datetime:
        """The time at which this message first asked, aware, in UTC."""
        now = self._now
        if now is None:
            now = self._now = self.host.now()
        return now

    def send(self, target: Address, message: object) -> None:
        value = pack(message)
        if target.__class__ is not Address:
            check_takes(_check_target(target), value)
        self.effects.append(Send(target, value))

    def send_after(self, delay: object, target: Address, message: object, token: str | None) -> None:
        ms = delay_ms(delay)
        value = pack(message)
        if target.__class__ is not Address:
            check_takes(_check_target(target), value)
        if token is not None:
            _check_token(token)
        self.effects.append(SendAfter(target, value, ms, token) if ms else Send(target, value))

    def cancel(self, token: str) -> None:
        _check_token(token)
        self.effects.append(Cancel(token))

    def cancel_pending(self) -> None:
        """Cancel what this batch sent with a token."""
        tokens = dict.fromkeys(e.token for e in self.effects if isinstance(e, SendAfter) and e.token is not None)
        self.effects.extend(Cancel(token) for token in tokens)

    def send_egress(self, egress: str, message: object) -> None:
        check_typename(egress, "an egress is <namespace>/<name>")
        if isinstance(message, KafkaRecord | KinesisRecord):
            value = record_to_typed(message)
        else:
            value = pack(message)
            if egress in self.record_egresses and not value.typename.endswith(_RECORD_TYPES):
                raise ValueMismatchError(
                    f"kafka_record(...) or kinesis_record(...), which is all that the egress {egress} takes",
                    f"a {type(message).__name__}",
                )
        self.effects.append(Egress(egress, value))

    def reply(self, message: object) -> None:
        """To the caller; without one it is dropped and counted, but still has to be a message."""
        if self.caller is None:
            pack(message)
            self.dropped_replies += 1
        else:
            self.effects.append(Send(self.caller, pack(message)))


_RECORD_TYPES: Final = (".KafkaProducerRecord", ".KinesisEgressRecord")


def _check_token(token: object) -> None:
    if not isinstance(token, str) or not token:
        raise ValueMismatchError("a cancellation token as a non-empty string", f"{token!r}")


def check_takes(target: Address, value: TypedValue) -> None:
    """An address made by ``Account.at`` knows what its class takes.

    Raises:
        UnhandledMessageError: it doesn't take *value*.
    """
    if (check := getattr(type(target), "check_takes", None)) is not None:
        check(value)
