"""The messages between entities and the library's own functions: orders, answers, failures.

An *ask* is sent as an order to the reply function, at an address that contains the token of the ask. That function
forwards the question, so it is the caller of the question, and receives the answer. It sends the answer to the asking
entity, in an envelope with the name of the method that takes it. A recurring message is sent as an order to the
schedule function.

Orders and answers are msgpack, since only this library reads them; no class of an application handles their typenames.
"""

from __future__ import annotations

from typing import Final, TypeAlias, overload

import msgspec
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking.decoding import is_address, reader
from statefun_actors.asking.encoded import Encoded
from statefun_actors.asking.recurrence import Recurrence
from statefun_actors.model import TypedValue

REPLY: Final = "statefun-actors/reply"
"""The function that stores open asks; its ids are their tokens."""
SCHEDULE: Final = "statefun-actors/schedule"
"""The function that stores recurring messages; its ids contain the sender and the name of the schedule."""
OWN_FUNCTIONS: Final = (REPLY, SCHEDULE)
ANSWER: Final = "statefun-actors/answer"
"""The typename of an answer in its envelope, which only the ``then`` of an entity takes."""
ORDER: Final = "statefun-actors/order"
"""The typename of messages that only the library's own functions take."""
ATTEMPT: Final = "statefun-actors/attempt"
"""The typename of a further attempt of an activity."""
FAILED: Final = "statefun-actors/failed"
"""The typename of an error's text that the library's functions send to a reply address instead of an answer."""
REQUEST: Final = "statefun-actors/request"
"""The typename of a message from a gateway, in an envelope with its caller."""
HANDLED: Final = "statefun-actors/handled"
"""The typename of the notice to a caller outside that the handler of its message ended without a reply."""
TAKEN: Final = "statefun-actors/taken"
"""The typename of the notice to a gateway that a message with an idempotency key was taken."""
KEY_REUSED: Final = "statefun-actors/key-reused"
"""The typename of the notice to a gateway that another message was sent under the same idempotency key."""
NOT_OPEN: Final = "statefun-actors/not-open"
"""The typename of the notice to a gateway that nothing was sent under an idempotency key."""
OPEN_ASK: Final = "statefun-actors/open-ask"
"""The typename of the description of an open ask, for a gateway."""
RESTORE: Final = "statefun-actors/restore"
"""The typename of what an entity had in a store, for a Flink job that continues with it."""
RESTORED: Final = "statefun-actors/restored"
"""The typename of the notice that an entity was restored."""
NOT_RESTORED: Final = "statefun-actors/not-restored"
"""The typename of the reason why an entity was not restored."""
RESERVED: Final = frozenset({
    ANSWER, ORDER, FAILED, ATTEMPT, REQUEST, HANDLED, TAKEN, KEY_REUSED, NOT_OPEN, OPEN_ASK,
    RESTORE, RESTORED, NOT_RESTORED,
})  # fmt: skip
"""Typenames that no handler of an application takes."""
LONGEST_MS: Final = 3653 * 24 * 60 * 60 * 1000
"""Milliseconds of the longest timeout and interval: ten years."""

_Value: TypeAlias = tuple[str, bytes]
_Address: TypeAlias = tuple[str, str]


class Open(Struct, frozen=True, array_like=True, tag="open", gc=False):
    """To the reply function: open an ask, and send its question, if it has one.

    Args:
        asker: the asking entity.
        then: the method that takes the answer.
        keep: the value that this method gets with the answer.
        caller: the caller of the message whose handler asked.
        timeout_ms: time after which the answer is NoAnswer.
        target: target of the question; None for a reply address without a question.
        since_ms: time of the ask, in milliseconds since 1970.
        activity: whether the target is a run of an activity, which ends with the ask.
    """

    asker: _Address
    then: str
    keep: _Value | None
    caller: _Address | None
    timeout_ms: int
    since_ms: int
    target: _Address | None = None
    question: _Value | None = None
    activity: bool = False


class Run(Struct, frozen=True, array_like=True, tag="run", gc=False):
    """To the reply function, at :func:`run_id`: open *ask*, which asks an activity, at *token*.

    The reply function replaces the id of its target by a key that is the same if the asker repeats the ask.
    """

    token: str
    ask: Open


class Expire(Struct, frozen=True, array_like=True, tag="expire", gc=False):
    """From the reply function to itself: the timeout of an ask, or of an answer that arrived before its ask."""


class Close(Struct, frozen=True, array_like=True, tag="close", gc=False):
    """To the reply function: end an ask; its asker gets NoAnswer("failed") with *reason*."""

    reason: str


class Stop(Struct, frozen=True, array_like=True, tag="stop", gc=False):
    """From the reply function to a run of an activity: its ask is over, so no further attempt begins."""


class Retries(Struct, frozen=True, array_like=True, tag="retries", gc=False):
    """From a run of an activity to the reply function: a further attempt waits. If the ask is over, Stop comes back."""


class Repeat(Struct, frozen=True, array_like=True, tag="repeat", gc=False):
    """To the schedule function: send *message* to *target* by *recurrence*, from *now_ms* on."""

    sender: _Address
    name: str
    recurrence: Recurrence
    target: _Address
    message: _Value
    now_ms: int


class Cease(Struct, frozen=True, array_like=True, tag="cease", gc=False):
    """To the schedule function: stop."""


class Fire(Struct, frozen=True, array_like=True, tag="fire", gc=False):
    """From the schedule function to itself: a slot of the schedule of this *generation* is due."""

    generation: int
    slot_ms: int


class Look(Struct, frozen=True, array_like=True, tag="look", gc=False):
    """From a gateway to the reply function: tell which ask is open; NOT_OPEN if none is."""


class Keyed(Struct, frozen=True, array_like=True, tag="keyed", gc=False):
    """From a gateway to the function ``statefun-actors/ingress``: send *value* to *target*, once under its key.

    Args:
        answer_to: the id of the call of the gateway that waits for the answer.
        digest: identifies the message among others with the same key.
        target: the target of the message.
        value: the message; None: only tell the answer to the one that was sent under the key.
        wait: the event whose answer it is: ``taken``, ``handled`` or ``reply``.
        delay_ms: the delay of its delivery.
    """

    answer_to: str
    digest: str
    target: _Address
    value: _Value | None
    wait: str
    delay_ms: int = 0


class Later(Struct, frozen=True, array_like=True, tag="later", gc=False):
    """From a gateway to the function ``statefun-actors/ingress``: send *value* to *target* after a delay.

    Args:
        target: the target of the message.
        value: the message.
        delay_ms: the delay of its delivery.
        answer_to: the id of the call of the gateway that waits until it is taken; empty if none waits.
    """

    target: _Address
    value: _Value
    delay_ms: int
    answer_to: str = ""


Order: TypeAlias = Open | Run | Expire | Close | Stop | Retries | Repeat | Cease | Fire | Look | Keyed | Later


class Answer(Struct, frozen=True, array_like=True, gc=False):
    """To the asking entity: *value* for its method *then*, with *keep*; ``self.caller`` is *caller* there."""

    then: str
    keep: _Value | None
    caller: _Address | None
    value: _Value


class Attempt(Struct, frozen=True, array_like=True, gc=False):
    """From an activity to itself, after the backoff: attempt *number* of *value*, which *caller* sent.

    Args:
        process: the process in which it has begun; empty where it has not, and on Flink, where nothing records that.
        error: why the attempt before it failed, for listings; empty for the first one.
    """

    number: int
    value: _Value
    caller: _Address | None
    process: str = ""
    error: str = ""


_encode: Final = msgspec.msgpack.Encoder().encode
_orders: Final[msgspec.msgpack.Decoder[Order]] = msgspec.msgpack.Decoder(Order)
read_order: Final = reader(_orders.decode)
"""Decode an order. Raises ValueError: the bytes are not an order."""
_attempt: Final = reader(msgspec.msgpack.Decoder(Attempt).decode)
_answer: Final = reader(msgspec.msgpack.Decoder(Answer).decode)


def order(content: Order) -> Encoded[Order]:
    """Encode *content* as a message."""
    return Encoded(ORDER, _encode(content), content)


def order_of(message: TypedValue) -> Order:
    """The order in *message*. Raises ValueError: its bytes are not an order."""
    return message.content if isinstance(message, Encoded) else read_order(message.value)


def answer(content: Answer) -> Encoded[Answer]:
    """Encode *content* as a message."""
    return Encoded(ANSWER, _encode(content), content)


def answer_of(message: TypedValue) -> Answer:
    """The answer in *message*. Raises ValueError: its bytes are not an answer, or its caller is no address."""
    return message.content if isinstance(message, Encoded) else read_answer(message.value)


def read_answer(data: bytes) -> Answer:
    """Decode an answer. Raises ValueError: the bytes are not an answer, or its caller is no address."""
    content = _answer(data)
    _check_caller(content.caller)
    return content


def attempt(content: Attempt) -> TypedValue:
    """Encode *content* as a message."""
    return TypedValue(ATTEMPT, _encode(content))


def read_attempt(data: bytes) -> Attempt:
    """Decode an attempt. Raises ValueError: the bytes are not an attempt, or its caller is no address."""
    content = _attempt(data)
    _check_caller(content.caller)
    return content


def _check_caller(caller: _Address | None) -> None:
    """Others can write such a message, too: a reply to a caller without an id would fail the Flink job each time."""
    if caller is not None and not is_address(caller):
        raise ValueError(f"expected an address as the caller, got {caller!r}")


def failed(error: str) -> TypedValue:
    """The message to a reply address for a question that was given up, with the text of the error."""
    return TypedValue(FAILED, error.encode("utf-8", "backslashreplace"))


@overload
def address_of(parts: None) -> None: ...
@overload
def address_of(parts: _Address) -> Address: ...
@overload
def address_of(parts: _Address | None) -> Address | None: ...
def address_of(parts: _Address | None) -> Address | None:
    """The address with these *parts*, which are known to be valid."""
    return parts if parts is None or isinstance(parts, Address) else tuple.__new__(Address, parts)
