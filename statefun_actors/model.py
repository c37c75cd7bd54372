"""The plain values that rooms hand to each other: what goes into a dispatch and what comes out.

Nothing here knows a wire, a database or a clock. Values are msgspec's Structs, made in C: a frozen class of attrs
costs eight times as much to make, and they are made for every message. Those that hold nothing but text and bytes, in
whatever depth, are no business of the garbage collector's (``gc=False``): they can't be part of a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from operator import itemgetter
from types import TracebackType
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from statefun_actors.errors import InvalidAddressError


def check_typename(typename: object, what: str) -> str:
    """*typename* if it is ``<namespace>/<name>`` (split at the last ``/``, both parts non-empty).

    Raises:
        InvalidAddressError: it isn't.
    """
    if not isinstance(typename, str):
        raise InvalidAddressError(what, typename, "Write a string such as 'bank/account'.")
    namespace, slash, name = typename.rpartition("/")
    if not (slash and namespace and name):
        raise InvalidAddressError(what, typename, "Write <namespace>/<name>, such as 'bank/account'.")
    return typename


_MOST_TYPENAMES: Final = 1_000
_good_typenames: Final[set[str]] = set()
"""Function types that have been checked: an application has few, and makes addresses of them all the time."""


def _good(typename: object) -> str:
    good = plain_str(check_typename(typename, "a function type is <namespace>/<name>"))
    if len(_good_typenames) < _MOST_TYPENAMES:
        _good_typenames.add(good)
    return good


def plain_str(text: str) -> str:
    """*text* as a ``str`` itself: neither a store nor a wire takes instances of subclasses."""
    return text if text.__class__ is str else str.__str__(text)


_new_tuple: Final = tuple.__new__


class Address(tuple[str, str]):
    """Where a message goes: a function type ``<namespace>/<name>`` and an id, both non-empty strings.

    A tuple underneath, so that it hashes and compares at C speed: addresses are dictionary keys on every hot path.

    Raises:
        InvalidAddressError: on construction, for a typename without ``/`` or an empty id.
    """

    __slots__ = ()

    def __new__(cls, typename: str, id: str) -> Address:
        if not (typename.__class__ is str and typename in _good_typenames):
            typename = _good(typename)
        if id.__class__ is not str or not id:
            if not isinstance(id, str) or not id:
                raise InvalidAddressError(f"an id of {typename} is a non-empty string", id, "Write the id as a str.")
            id = plain_str(id)
        return _new_tuple(cls, (typename, id))

    typename: str = property(itemgetter(0))  # type: ignore[assignment]
    """The function type, ``<namespace>/<name>``."""
    id: str = property(itemgetter(1))  # type: ignore[assignment]

    @property
    def namespace(self) -> str:
        return self[0].rpartition("/")[0]

    @property
    def name(self) -> str:
        return self[0].rpartition("/")[2]

    @property
    def type(self) -> str:
        """:attr:`name`, as the 2.0 SDK calls it."""
        return self.name

    @property
    def identity(self) -> str:
        """:attr:`id`, as the 2.0 SDK calls it."""
        return self[1]

    def __repr__(self) -> str:
        return f"Address({self[0]!r}, {self[1]!r})"

    def __str__(self) -> str:
        return f"{self[0]}/{self[1]}"

    def __getnewargs__(self) -> tuple[str, str]:
        return (self[0], self[1])


def parse_address(text: str) -> Address:
    """The address written as ``ns/name/id``: the id is all that follows the second ``/``.

    Raises:
        InvalidAddressError: fewer than three parts, or an empty one.
    """
    parts = text.split("/", 2) if isinstance(text, str) else []
    if len(parts) != 3 or not all(parts):
        raise InvalidAddressError("an address is <namespace>/<name>/<id>", text, "Write it as 'bank/account/ada'.")
    return Address(f"{parts[0]}/{parts[1]}", parts[2])


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


class Setback(Struct, frozen=True):
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
    setbacks: Sequence[Setback] = ()
    marks: Sequence[int] = ()


class MissingState(Struct, frozen=True):
    """States that the function declares and the batch lacks, in declaration order. No user code has run."""

    specs: Sequence[StateSpec]


class Failed(Struct, frozen=True):
    """The batch came to nothing: no effects, no changes. ``index`` is the message at fault, None if it is the batch."""

    index: int | None
    error: BaseException


Outcome: TypeAlias = Done | MissingState | Failed


class Deadline(Protocol):
    """What ``asyncio.timeout()`` returns: it raises TimeoutError in its body, and knows whether it did."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    def expired(self) -> bool: ...


class Host(Protocol):
    """The only doors through which a dispatch reaches time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never going back: how long a handler holds the event loop. Called per message."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*: the wait between two attempts. A test's host advances its own clock instead."""
        ...

    def token(self) -> str:
        """128 random bits as 32 hexadecimal digits, that nobody can guess; in tests from a seed."""
        ...

    def timeout(self, seconds: float) -> Deadline:
        """A context that raises TimeoutError in its body after *seconds* of waiting."""
        ...


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
