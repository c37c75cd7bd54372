"""The scope of a running batch, which user code accesses through an entity or a context.

A scope holds the state at the start of the batch, the changes since, and the effects requested so far. A rollback is
cheap: :meth:`Scope.undone` is a new scope at the end of the last settled message. Code that still holds the old one,
such as a thread past its timeout, changes an object that is no longer used.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final, Self

from msgspec import Struct, field

from statefun_actors.address import Address
from statefun_actors.asking import Order, order
from statefun_actors.definition.delay import delay_ms
from statefun_actors.definition.send_checks import (
    check_egress,
    check_target,
    check_token,
    checked_egresses,
    too_large,
)
from statefun_actors.errors import ValueMismatchError
from statefun_actors.host import Host
from statefun_actors.model import (
    LARGEST_VALUE,
    Batch,
    Cancel,
    Effect,
    Egress,
    Invocation,
    KafkaRecord,
    KinesisRecord,
    Send,
    SendAfter,
    State,
    TypedValue,
)
from statefun_actors.types import check_typed_record, pack, packer_of, packers, record_to_typed

_RECORD_TYPES: Final = (".KafkaProducerRecord", ".KinesisEgressRecord")
_RECORDS: Final = (KafkaRecord, KinesisRecord)


class Scope(Struct, eq=False):
    """State, time and effects of one batch, created by :meth:`of`.

    A Struct, whose attributes are set in C: each batch has one.
    """

    batch: Batch
    host: Host
    record_egresses: frozenset[str]
    target: Address
    id: str
    batch_state: State
    first: str
    """The type of the batch's first message."""
    invocation: Invocation | None = None
    """The current message; None before the first."""
    handler: str = ""
    """The running handler."""
    changes: dict[str, TypedValue | None] = field(default_factory=dict)
    """The changes of settled messages; None: deleted."""
    effects: list[Effect] = field(default_factory=list)
    dropped_replies: list[str] | None = None
    """The handlers of replies that were dropped for lack of a caller; None: there were none."""
    fatal: BaseException | None = None
    """An error that fails the whole batch even if user code swallows it."""
    _now: datetime | None = None
    _now_of: Invocation | None = None
    """The message of which ``_now`` is the time. It is compared, so that a message that needs no time sets nothing."""
    seen: dict[str, object] = field(default_factory=dict)
    """Field → the object that it held when it was read, or last settled."""
    defaults: dict[str, bytes] | None = None
    """Field → the bytes of the default created because it was absent; None: none was created."""
    assigned: AbstractSet[str] = frozenset()
    """Fields for which any assignment counts as a change (expire_after_write)."""
    deleted: AbstractSet[str] = frozenset()
    """Fields deleted since the scope last settled."""

    @classmethod
    def of(cls, batch: Batch, host: Host, record_egresses: frozenset[str]) -> Self:
        """A scope for *batch*."""
        invocations, target = batch.invocations, batch.target
        first = invocations[0].argument.typename if invocations else ""
        return cls(batch, host, record_egresses, target, target[1], batch.state, first)

    def undone(self, effects: int, dropped_replies: int) -> Scope:
        """A scope at the point with this number of *effects* and *dropped_replies*; settled changes are kept."""
        scope = self.empty()
        scope.changes = self.changes
        scope.effects += self.effects[:effects]
        if self.dropped_replies:
            scope.dropped_replies = self.dropped_replies[:dropped_replies]
        return scope

    def empty(self) -> Self:
        """A scope of the same kind for the same batch, without changes or effects."""
        return self.of(self.batch, self.host, self.record_egresses)

    def failed(self, error: BaseException, *, started: bool) -> None:
        """An attempt of a message failed with *error*, after its handler *started*, or because it has none.

        Only an observed scope does something with it.
        """

    def again(self, attempt: int) -> None:
        """The message begins again, for this *attempt*. Only an observed scope does something with it."""

    def current(self, name: str) -> TypedValue | None:
        """The state *name* as last settled. Raises KeyError if neither the batch nor a change has it."""
        if name in self.changes:
            return self.changes[name]
        return self.batch_state[name]

    def change(self, changes: Mapping[str, TypedValue | None], always: AbstractSet[str]) -> None:
        """The states that messages changed. States with their initial value are left out, except the states
        *always*.
        """
        before = self.batch_state
        for name, value in changes.items():
            was = before[name]
            if value is None:
                same = was is None
            else:
                same = (
                    was is not None
                    and was.value == value.value
                    and was.typename == value.typename
                    and name not in always
                )
            if same:
                self.changes.pop(name, None)
            else:
                self.changes[name] = value

    def begin(self, handler: str, invocation: Invocation) -> None:
        """Start a message."""
        self.handler = handler
        self.invocation = invocation

    @property
    def caller(self) -> Address | None:
        """The caller of the current message; None before the first."""
        return None if self.invocation is None else self.invocation.caller

    @property
    def now(self) -> datetime:
        """The time of the message's first call of this, aware, in UTC."""
        now = self._now
        if now is None or self._now_of is not self.invocation:
            now = self._now = self.host.now()
            self._now_of = self.invocation
        return now

    def note_assigned(self, name: str) -> None:
        """The field *name* was assigned, which counts as a change even with an equal value."""
        self.assigned |= {name}

    def note_default(self, name: str, made: object, data: bytes) -> None:
        """The field *name* was absent; *made* is its default."""
        if self.defaults is None:
            self.defaults = {}
        self.defaults[name] = data
        self.seen[name] = made

    def note_deleted(self, name: str) -> None:
        """The field *name* was deleted."""
        self.deleted |= {name}
        self.assigned -= {name}
        self.seen.pop(name, None)
        if self.defaults is not None:
            self.defaults.pop(name, None)

    def forget(self) -> None:
        """Forget what was read: another subject takes over, and reads what is settled."""
        self.seen = {}
        self.defaults = None

    def send(self, target: Address, message: object) -> None:
        try:
            packed = packers[type(message)]
        except KeyError:
            packed = packer_of(type(message))
        value = packed(message)
        if len(value.value) > LARGEST_VALUE:
            raise too_large(value)
        if not (target.__class__ is Address and target[0].isascii() and target[1].isascii()):
            check_target(target, value)
        self.effects.append(Send(target, value))

    def send_after(self, delay: object, target: Address, message: object, token: str | None) -> None:
        ms = delay_ms(delay)
        value = pack(message)
        if len(value.value) > LARGEST_VALUE:
            raise too_large(value)
        check_target(target, value)
        if token is not None:
            token = check_token(token)
        self.effects.append(SendAfter(target, value, ms, token) if ms else Send(target, value))

    def cancel(self, token: str) -> None:
        self.effects.append(Cancel(check_token(token)))

    def cancel_pending(self) -> None:
        """Cancel messages that this batch sent with a token."""
        tokens = dict.fromkeys(e.token for e in self.effects if isinstance(e, SendAfter) and e.token is not None)
        self.effects.extend(Cancel(token) for token in tokens)

    def send_egress(self, egress: str, message: object) -> None:
        if egress.__class__ is not str or egress not in checked_egresses:
            egress = check_egress(egress)
        if isinstance(message, _RECORDS):
            value = record_to_typed(message)
        else:
            value = pack(message)
            check_typed_record(value)
            if egress in self.record_egresses and not value.typename.endswith(_RECORD_TYPES):
                raise ValueMismatchError(
                    f"kafka_record(...) or kinesis_record(...), the only values that the egress {egress} takes",
                    f"a {type(message).__name__}",
                )
        if len(value.value) > LARGEST_VALUE:
            raise too_large(value)
        self.effects.append(Egress(egress, value))

    def order(self, address: Address, content: Order, *, drawn: bool = False) -> None:
        """Send *content* to one of the library's own functions. *drawn*: the id of *address* was drawn for this."""
        value = order(content)
        if len(value.value) > LARGEST_VALUE:
            raise too_large(value)
        self.effects.append(Send(address, value, drawn=drawn))

    def reply(self, message: object) -> None:
        """Reply to the caller; without one, the reply is checked, dropped and counted."""
        value = pack(message)
        if len(value.value) > LARGEST_VALUE:
            raise too_large(value)
        if (caller := self.caller) is not None:
            self.effects.append(Send(caller, value))
            return
        if self.dropped_replies is None:
            self.dropped_replies = []
        self.dropped_replies.append(self.handler)
