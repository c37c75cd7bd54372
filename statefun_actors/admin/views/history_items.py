"""The items of a history in JSON form. They never fail on a value: unreadable ones are marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.admin.views.json_values import shortened_tokens, shown_form
from statefun_actors.asking import ORDER, OWN_FUNCTIONS, Open, Repeat, read_order, short_address
from statefun_actors.definition import FunctionType
from statefun_actors.dispatch import Application, unwrapped, value_inside
from statefun_actors.entity import EntityFunction
from statefun_actors.errors import StateDecodeError, ValueMismatchError
from statefun_actors.history import (
    CANCEL,
    EGRESS,
    LATER,
    Entry,
    Out,
    Packed,
    Place,
    RecordedMessage,
    change_of,
)
from statefun_actors.model import OWN_PREFIX, Invocation, TypedValue
from statefun_actors.types import Codec


class FieldChange(Struct, frozen=True):
    """A field that changed, with its JSON forms before and after; None: absent."""

    field: str
    before: object
    after: object


class SentItem(Struct, frozen=True):
    """What a handler sent.

    Args:
        kind: ``message``, ``ask``, ``delayed message``, ``recurring message``, ``egress record`` or ``cancellation``.
        seq: its number; 0 if it has none.
        to: its target, an egress, or the token that was cancelled.
        address: the target, if that is an entity or a function of the application.
        value: its JSON form.
        after: the delay in seconds; 0 without one.
    """

    kind: str
    seq: int
    to: str
    address: Address | None
    typename: str
    value: object
    after: float = 0.0


class HistoryItem(Struct, frozen=True):
    """A message that an entity handled, or a change of an operator.

    Args:
        place: identifies it, and orders what is older behind it; empty for what is about many entities.
        time_ms: when it ended, in milliseconds since 1970.
        kind: ``message``, ``field set``, ``paused``, ``resumed``, ``type paused``, ``type resumed``,
            ``dead letter discarded``, which has its message; or ``not recorded``: messages of any entities that were
            not recorded, since the engine was at its limit, or they were too large.
        seq: the number of the message; 0 without one.
        value: the JSON form of the message.
        sender: of the message, as text.
        caller: the sender, if that is an entity or a function of the application.
        outcome: ``handled``, or what became of a message that was given up.
        attempts: the number of them, 1 without a failure.
        error: the last one, with its type; empty without one.
        seconds: the time of the batch.
        together: the number of messages in the batch. Its changed fields are at its last message.
        messages: if not recorded, their number, and *until_ms* the time of the last one.
    """

    place: str
    time_ms: int
    kind: str
    seq: int = 0
    typename: str = ""
    value: object = None
    sender: str | None = None
    caller: Address | None = None
    outcome: str = ""
    attempts: int = 0
    error_type: str = ""
    error: str = ""
    seconds: float = 0.0
    together: int = 0
    fields: Sequence[FieldChange] = ()
    sent: Sequence[SentItem] = ()
    messages: int = 0
    until_ms: int = 0


def function_of(app: Application | None, typename: str) -> FunctionType | None:
    served = None if app is None else app.served_function(typename)
    return None if served is None else served.function


def items_of(
    place: Place, entry: Entry, function: FunctionType | None, known: Mapping[str, Codec] | None
) -> list[HistoryItem]:
    """The items of *entry*, oldest first: one for each message, or the change of an operator."""
    changes = [
        FieldChange(_field_name(function, change.state), *(
            _field_form(function, change.state, value, known) for value in (change.before, change.after)
        ))
        for change in entry.changes
    ]  # fmt: skip
    if not entry.messages:
        return [HistoryItem(f"{place.row}.{place.at}.0", entry.at_ms, change_of(entry), fields=changes)]
    failures = {failure.index: failure for failure in entry.failures}
    items = []
    begin, last = 0, len(entry.messages) - 1
    for index, message in enumerate(entry.messages):
        end = message.mark if index < last else len(entry.out)
        failure = failures.get(index)
        inside = inside_of(message)
        items.append(
            HistoryItem(
                f"{place.row}.{place.at}.{index}",
                entry.at_ms,
                change_of(entry),
                message.seq,
                inside[0][0],
                packed_form(inside[0], known),
                None if inside[1] is None else short_address(inside[1]),
                own_or_none(inside[1]),
                "handled" if failure is None or not failure.settlement else failure.settlement,
                1 if failure is None else failure.attempts,
                "" if failure is None else failure.error_type,
                "" if failure is None else failure.error,
                entry.micros / 1_000_000,
                len(entry.messages),
                changes if index == last else (),
                [sent_item(out, known) for out in entry.out[begin:end]],
            )
        )
        begin = end
    return items


def inside_of(message: RecordedMessage) -> tuple[Packed, Address | None]:
    """The value and the caller of *message*; of an answer or an attempt those inside its envelope."""
    (typename, data), caller = message.value, address_or_none(message.caller)
    if isinstance(data, int):
        return message.value, caller
    inside = unwrapped(Invocation(TypedValue(typename, data), caller))
    return (inside.argument.typename, inside.argument.value), inside.caller


def address_or_none(parts: tuple[str, str] | None) -> Address | None:
    return None if parts is None else tuple.__new__(Address, parts)


def own_or_none(address: Address | None) -> Address | None:
    """*address*, unless it is of the library: of its own functions, or of a caller outside."""
    return None if address is None or address.typename.startswith(OWN_PREFIX) else address


def sent_item(out: Out, known: Mapping[str, Codec] | None) -> SentItem:
    """*out* with its value in JSON form; of an ask, the question and its target."""
    if out.kind == CANCEL:
        return SentItem("cancellation", 0, out.token or "", None, "", None)
    value = ("", b"") if out.value is None else out.value
    if out.kind == EGRESS:
        return SentItem("egress record", out.seq, out.to, None, value[0], packed_form(value, known))
    target: Address = tuple.__new__(Address, (out.to, out.id))
    kind = "delayed message" if out.kind == LATER else "message"
    if out.to in OWN_FUNCTIONS and value[0] == ORDER and isinstance(value[1], bytes):
        kind, target, value = _order(target, value[1]) or (kind, target, value)
    elif isinstance(value[1], bytes):
        inside = value_inside(TypedValue(value[0], value[1]))
        value = (inside.typename, inside.value)
    after = timedelta(milliseconds=out.delay_ms).total_seconds()
    own = own_or_none(target)
    return SentItem(kind, out.seq, short_address(target), own, value[0], packed_form(value, known), after)


def _order(function: Address, data: bytes) -> tuple[str, Address, Packed] | None:
    """An ask or a recurring message that *data*, an order to a function of the library, begins."""
    try:
        content = read_order(data)
    except ValueError:
        return None
    if isinstance(content, Open):
        target = function if content.target is None else tuple.__new__(Address, content.target)
        return "ask", target, ("", b"") if content.question is None else content.question
    if isinstance(content, Repeat):
        return "recurring message", tuple.__new__(Address, content.target), content.message
    return None


def packed_form(value: Packed, known: Mapping[str, Codec] | None) -> object:
    """The JSON form of *value*; of one that was too large to be recorded, its size."""
    typename, data = value
    if isinstance(data, int):
        return {"type": typename, "not recorded": f"{data:,} bytes"}
    return None if not typename else shown_form(TypedValue(typename, data), known)


def _field_name(function: FunctionType | None, state: str) -> str:
    if isinstance(function, EntityFunction):
        return next((field.name for field in function.fields if field.state_name == state), state)
    return state


def _field_form(
    function: FunctionType | None, state: str, value: Packed | None, known: Mapping[str, Codec] | None
) -> object:
    if value is None:
        return None
    if isinstance(function, EntityFunction) and isinstance(value[1], bytes):
        for field in function.fields:
            if field.state_name == state:
                try:
                    read = field.field.read(function.name, TypedValue(value[0], value[1]))
                    return None if read is None else shortened_tokens(field.codec.to_json(read))
                except (StateDecodeError, ValueMismatchError) as error:
                    return {"unreadable": str(error)}
    return packed_form(value, known)
