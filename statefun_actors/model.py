"""The values that rooms exchange: batches that go into a dispatch, and the effects and outcomes that come out.

Nothing here depends on a wire format, a database or a clock. Values are msgspec Structs, created in C: creating an
instance of a frozen attrs class takes eight times as long, and values are created for every message. The garbage
collector does not track those that hold only text and bytes, at any depth (``gc=False``): they can't form a cycle.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, TypeAlias, final

from msgspec import Struct

from statefun_actors.address import Address

LARGEST_VALUE: Final = 900_000_000
"""Bytes of the largest value that can be sent or stored. It fits, with its names and ids, in every store and wire."""

KEPT_BYTES: Final = 65_536
"""Bytes that a dead letter keeps of a value that would make it too large."""


class TypedValue(Struct, frozen=True, gc=False):
    """An encoded value: its typename and its bytes."""

    typename: str
    value: bytes


Headers: TypeAlias = Mapping[str, str]
"""What accompanies a message and is no part of it, by name."""


def text_headers(given: Iterable[tuple[str, object]]) -> Headers | None:
    """The headers of a Kafka record: those whose values are UTF-8, of a repeated name the last one; None without any.

    A value is bytes, or None for Kafka's null, which is left out.
    """
    headers: dict[str, str] = {}
    for name, value in given:
        if isinstance(value, bytes):
            with contextlib.suppress(UnicodeDecodeError):
                headers[name] = value.decode()
    return headers or None


class Invocation(Struct, frozen=True, gc=False):
    """One message for the batch's target; ``caller`` is None if it came from an ingress.

    ``headers`` are those of its record in Kafka, or of an instrument that traces; None without any. On Flink, they come
    with protocol 3.x from runtimes that forward them, and never with 2.x.
    """

    argument: TypedValue
    caller: Address | None = None
    headers: Headers | None = None


class Expiration(Enum):
    """When a state expires, counted from its last write or from the entity's last batch."""

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
"""State by name. None: declared, but has no value. A missing name: the caller does not know that state."""


class Batch(Struct, frozen=True):
    """One or more invocations of one address, in order, with the state before the first."""

    target: Address
    state: State
    invocations: Sequence[Invocation]


# Effects: what handlers requested, in the order of the calls.


@final
class Send(Struct, frozen=True, gc=False):
    """A message to any address.

    ``headers`` are set by an instrument; None without one. ``drawn``: the id of the target was drawn at random for this
    message, so that nobody knew it before, and nothing is stored there. No wire carries that.
    """

    target: Address
    value: TypedValue
    headers: Headers | None = None
    drawn: bool = False


@final
class SendAfter(Struct, frozen=True, gc=False):
    """A message delivered after ``delay_ms`` (> 0). It replaces a pending one with the same sender and token."""

    target: Address
    value: TypedValue
    delay_ms: int
    token: str | None = None
    headers: Headers | None = None


@final
class Cancel(Struct, frozen=True, gc=False):
    """Cancel the sender's pending delayed message with this token, if there is one."""

    token: str


@final
class Egress(Struct, frozen=True, gc=False):
    """A record for the egress ``<namespace>/<name>``. ``headers`` are set by an instrument; None without one."""

    egress: str
    value: TypedValue
    headers: Headers | None = None


Effect: TypeAlias = Send | SendAfter | Cancel | Egress


# Outcomes: the result of a dispatch.


class Settlement(Enum):
    """How a failure policy settled a message whose attempts are used up, or whose failure is permanent."""

    DEAD_LETTER = "dead letter"
    DISCARDED = "discarded"
    REFUSED = "refused"
    """Not by a policy: a message from outside for an internal handler. The embedded engine keeps a dead letter."""


class MessageFailure(Struct, frozen=True):
    """A message that its failure policy rolled back while the rest of the batch continued."""

    index: int
    error: BaseException
    settlement: Settlement
    attempts: int


class Done(Struct, frozen=True):
    """Every message has run or was settled by a policy: the effects in order, and only the states that changed.

    ``marks[i]`` is the number of effects after message *i* has run. A change to None deletes the state.
    """

    effects: Sequence[Effect]
    changes: State
    failures: Sequence[MessageFailure] = ()
    marks: Sequence[int] = ()


@final
class MissingState(Struct, frozen=True):
    """States that the function declares and the batch lacks, in declaration order. No user code has run."""

    specs: Sequence[StateSpec]


class Failed(Struct, frozen=True):
    """The batch failed without effects or changes. ``index`` is the message at fault, None for the batch itself."""

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
"""The function type of callers outside the application; the id is that of their request."""
ANY_TYPENAME: Final = "type.googleapis.com/google.protobuf.Any"
UNREADABLE: Final = "statefun-actors/unreadable"
"""The typename of a 2.x state whose bytes are not an Any. ``TypedValue.value`` holds those bytes, undecoded."""
RESERVED_NAMESPACES: Final = ("statefun-actors", "io.statefun")
OWN_PREFIX: Final = f"{RESERVED_NAMESPACES[0]}/"
"""What the names of this library's own functions, egresses and callers begin with."""
