"""The plain values that rooms hand to each other: what goes into a dispatch and what comes out.

Nothing here knows a wire, a database or a clock. Values are msgspec's Structs, made in C: a frozen class of attrs
costs eight times as much to make, and they are made for every message. Those that hold nothing but text and bytes, in
whatever depth, are no business of the garbage collector's (``gc=False``): they can't be part of a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias

from msgspec import Struct

from statefun_actors.address import Address

LARGEST_VALUE: Final = 900_000_000
"""Bytes of the largest value that can be sent or kept. Every store and every wire holds it, with its names and ids."""


class TypedValue(Struct, frozen=True, gc=False):
    """A value as it travels: its typename and its bytes."""

    typename: str
    value: bytes


class Invocation(Struct, frozen=True, gc=False):
    """One message for the batch's target; ``caller`` is None for what came from an ingress."""

    argument: TypedValue
    caller: Address | None = None


class Expiration(Enum):
    """When a state is dropped by itself, counted from its last write or from the entity's last batch."""

    NONE = "none"
    AFTER_WRITE = "after_write"
    AFTER_CALL = "after_call"


class StateSpec(Struct, frozen=True, gc=False):
    """A state as the function declares it: name, typename of its value, and time to live in milliseconds."""

    name: str
    typename: str
    expiration: Expiration = Expiration.NONE
    ttl_ms: int = 0


State: TypeAlias = "Mapping[str, TypedValue | None]"
"""State by name. None = known but absent; a name that isn't there = the caller doesn't know that state."""


class Batch(Struct, frozen=True):
    """One or more invocations of one address, in order, with the state they start from."""

    target: Address
    state: State
    invocations: Sequence[Invocation]


# Effects: what handlers asked for, in the order in which they asked.


class Send(Struct, frozen=True, gc=False):
    """A message to any address."""

    target: Address
    value: TypedValue


class SendAfter(Struct, frozen=True, gc=False):
    """A message that arrives ``delay_ms`` (> 0) later. A pending one of the same sender and token is replaced."""

    target: Address
    value: TypedValue
    delay_ms: int
    token: str | None = None


class Cancel(Struct, frozen=True, gc=False):
    """Drop the sender's pending delayed message of this token, if there still is one."""

    token: str


class Egress(Struct, frozen=True, gc=False):
    """A record that leaves the application through the egress ``<namespace>/<name>``."""

    egress: str
    value: TypedValue


Effect: TypeAlias = Send | SendAfter | Cancel | Egress


# Outcomes: what a dispatch comes to.


class Settlement(Enum):
    """How a failure policy settled a message that failed for good."""

    DEAD_LETTER = "dead letter"
    DISCARDED = "discarded"
    REFUSED = "refused"
    """No policy: a message from outside for an internal handler. A dead letter where the engine keeps some."""


class MessageFailure(Struct, frozen=True):
    """A message undone by its failure policy while the rest of the batch went on."""

    index: int
    error: BaseException
    settlement: Settlement
    attempts: int


class Done(Struct, frozen=True):
    """Every message has run (or was settled by a policy): effects in order, and only the states that changed.

    ``marks[i]`` is how many effects there were once message *i* had run. A change to None deletes the state.
    """

    effects: Sequence[Effect]
    changes: State
    setbacks: Sequence[MessageFailure] = ()
    marks: Sequence[int] = ()


class MissingState(Struct, frozen=True):
    """States that the function declares and the batch lacks, in declaration order. No user code has run."""

    specs: Sequence[StateSpec]


class Failed(Struct, frozen=True):
    """The batch came to nothing: no effects, no changes. ``index`` is the message at fault, None if it is the batch."""

    index: int | None
    error: BaseException


Outcome: TypeAlias = Done | MissingState | Failed


class KafkaRecord(Struct, frozen=True, gc=False):
    """A record for a Kafka egress: topic, key (or None) and the bytes of the value."""

    topic: str
    value: bytes
    key: str | None = None


class KinesisRecord(Struct, frozen=True, gc=False):
    """A record for a Kinesis egress."""

    stream: str
    partition_key: str
    value: bytes
    explicit_hash_key: str | None = None


Decode: TypeAlias = Callable[[bytes], object]

INGRESS: Final = "statefun-actors/ingress"
"""The function type of those who ask from outside; the id is the request's."""
ANY_TYPENAME: Final = "type.googleapis.com/google.protobuf.Any"
UNREADABLE: Final = "statefun-actors/unreadable"
"""The typename of a 2.x state whose bytes are not an Any. Nothing reads it, and ``TypedValue.value`` is those bytes."""
RESERVED_NAMESPACES: Final = ("statefun-actors", "io.statefun")
