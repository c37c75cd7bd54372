"""What entities and the library's own functions send to each other: orders, answers, failures.

An *ask* travels as an order to the reply function, at an address that holds the token of the ask. That function sends
the question on, so its own address is the caller of the question, and what reaches it there is the answer. It sends the
answer to the entity that asked, in an envelope that says which method takes it. A recurring message travels as an order
to the schedule function.

Orders and answers are msgpack, since nobody else reads them; their typenames are handled by no class of an application.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking.recurrence import Recurrence
from statefun_actors.model import TypedValue

REPLY: Final = "statefun-actors/reply"
"""The function that keeps open asks; its ids are their tokens."""
SCHEDULE: Final = "statefun-actors/schedule"
"""The function that keeps recurring messages; its ids name the sender and the schedule."""
OWN_FUNCTIONS: Final = (REPLY, SCHEDULE)
ANSWER: Final = "statefun-actors/answer"
"""The typename of an answer in its envelope: what ``then`` of an entity takes, and nothing else."""
ORDER: Final = "statefun-actors/order"
"""The typename of what only the library's own functions take."""
ATTEMPT: Final = "statefun-actors/attempt"
"""The typename of a further attempt of an activity."""
FAILED: Final = "statefun-actors/failed"
"""The typename of what a function of this library sends to a reply address in place of an answer: an error's text."""
RESERVED: Final = frozenset({ANSWER, ORDER, FAILED, ATTEMPT})
"""The typenames that no handler of an application takes."""
LONGEST_MS: Final = 3653 * 24 * 60 * 60 * 1000
"""Milliseconds of the longest timeout and interval: ten years."""

_Value: TypeAlias = tuple[str, bytes]
_Address: TypeAlias = tuple[str, str]


class Open(Struct, frozen=True, array_like=True, tag="open", gc=False):
    """To the reply function: open an ask, and send its question, if it has one.

    Args:
        asker: the entity that asks.
        then: the method that takes the answer.
        keep: the value that this method gets beside the answer.
        caller: whoever sent the asker the message that made it ask.
        timeout_ms: after which the answer is that there is none.
        target: where the question goes; None where a reply address is opened without a question.
        since_ms: when it was asked, in milliseconds since 1970.
    """

    asker: _Address
    then: str
    keep: _Value | None
    caller: _Address | None
    timeout_ms: int
    since_ms: int
    target: _Address | None = None
    question: _Value | None = None


class Expire(Struct, frozen=True, array_like=True, tag="expire", gc=False):
    """From the reply function to itself: the timeout of an ask, or of an answer that came before its ask."""


class Close(Struct, frozen=True, array_like=True, tag="close", gc=False):
    """To the reply function: end an ask; its asker is told that it failed, with *reason*."""

    reason: str


class Repeat(Struct, frozen=True, array_like=True, tag="repeat", gc=False):
    """To the schedule function: send *message* to *target* by *recurrence*, from *now_ms* on."""

    sender: _Address
    name: str
    recurrence: Recurrence
    target: _Address
    message: _Value
    now_ms: int


class Cease(Struct, frozen=True, array_like=True, tag="cease", gc=False):
    """To the schedule function: fire no more."""


class Fire(Struct, frozen=True, array_like=True, tag="fire", gc=False):
    """From the schedule function to itself: a slot has come, of the schedule of this *generation*."""

    generation: int
    slot_ms: int


Order: TypeAlias = Open | Expire | Close | Repeat | Cease | Fire


class Answer(Struct, frozen=True, array_like=True, gc=False):
    """To the entity that asked: *value* for its method *then*, which gets *keep*; ``self.caller`` is *caller* there."""

    then: str
    keep: _Value | None
    caller: _Address | None
    value: _Value


class Attempt(Struct, frozen=True, array_like=True, gc=False):
    """From an activity to itself, once it is time: attempt *number* at *value*, which *caller* sent."""

    number: int
    value: _Value
    caller: _Address | None


_MOST_DIGITS: Final = 12
_encode: Final = msgspec.msgpack.Encoder().encode
_order: Final[msgspec.msgpack.Decoder[Order]] = msgspec.msgpack.Decoder(Order)
_attempt: Final = msgspec.msgpack.Decoder(Attempt).decode
_answer: Final = msgspec.msgpack.Decoder(Answer).decode


def order(content: Order) -> TypedValue:
    """*content* as a message."""
    return TypedValue(ORDER, _encode(content))


def read_order(data: bytes) -> Order:
    """The order in the bytes of a message. Raises ValueError: there is none in them."""
    return _order.decode(data)


def answer(content: Answer) -> TypedValue:
    """*content* as a message."""
    return TypedValue(ANSWER, _encode(content))


def read_answer(data: bytes) -> Answer:
    """The answer in the bytes of a message. Raises ValueError: there is none in them."""
    return _answer(data)


def attempt(content: Attempt) -> TypedValue:
    """*content* as a message."""
    return TypedValue(ATTEMPT, _encode(content))


def read_attempt(data: bytes) -> Attempt:
    """The attempt in the bytes of a message. Raises ValueError: there is none in them."""
    return _attempt(data)


def failed(error: str) -> TypedValue:
    """What tells a reply address that the message it stands for was given up, with the text of the error."""
    return TypedValue(FAILED, error.encode("utf-8", "backslashreplace"))


def address_of(parts: _Address | None) -> Address | None:
    return None if parts is None else tuple.__new__(Address, parts)


def schedule_id(sender: Address, name: str) -> str:
    """The id under which the schedule function keeps the schedule *name* of *sender*."""
    return f"{len(name)}:{name}:{sender}"


def schedule_name(id: str) -> str:
    """The name of the schedule that the schedule function keeps under *id*."""
    length, _, rest = id.partition(":")
    return rest[: int(length)]


def owns_schedule(sender: Address, id: str) -> bool:
    """Whether *id* is that of a schedule of *sender*."""
    length, _, rest = id.partition(":")
    return length.isdecimal() and len(length) < _MOST_DIGITS and rest[int(length) :] == f":{sender}"
