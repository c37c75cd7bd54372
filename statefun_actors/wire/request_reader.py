"""Decodes request bodies to Batches, as far as both protocols share it.

protobuf parses a request at once, in C; then each access to a field creates a Python object, which is the main cost.
So each field is accessed once, and addresses stay bytes (``protos/*/reading.proto``) until ``Addresses``, a cache,
decodes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any as Untyped
from typing import Final, Generic, Protocol, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.wire.encoding import field
from statefun_actors.wire.malformed import MalformedRequestError, shown

UNPARSABLE: Final = (DecodeError, UnicodeDecodeError, RecursionError)
"""Errors of parsers. The last two come from pure Python protobuf: a string that is not UTF-8, unterminated groups."""

UNKNOWN: Final[Untyped] = object()
"""In place of an address that a cache does not have; it may have None."""

_ADDRESSES: Final = 16_384
_ADDRESS_BYTES: Final = 512


class AddressMessage(Protocol):
    namespace: str
    type: str
    id: str


class BatchMessage(Protocol):
    target: bytes

    @property
    def state(self) -> Untyped: ...

    @property
    def invocations(self) -> Untyped: ...


class RequestMessage(Protocol):
    @property
    def invocation(self) -> BatchMessage: ...

    def HasField(self, field_name: str, /) -> bool: ...  # noqa: N802 - protobuf's name


_S = TypeVar("_S")
_I = TypeVar("_I")


class UnfitError(Exception):
    """A part of an invocation, or the target, is malformed; the reader adds its place."""

    def __init__(self, expected: str, got: str, part: str) -> None:
        super().__init__(expected, got, part)
        self.expected, self.got, self.part = expected, got, part


class Addresses:
    """Cache of addresses by their bytes; None if all parts are empty, which means no address.

    Holds at most 16,384, and no long ones.
    """

    def __init__(self, parse: Callable[[bytes], AddressMessage]) -> None:
        self.known: Final[dict[bytes, Address | None]] = {}
        """Look here first, as in Pieces."""
        self._parse = parse
        # The function type of the address decoded last, and the first bytes of such an address, up to the length of the
        # id: the next one often has the same type, and then needs no message.
        self._last = ("", b"")

    def read(self, data: bytes) -> Address | None:
        """The address of *data*, which are not known. Raises UnfitError for bytes that are not an address."""
        function_type, prefix = self._last
        size = len(data) - len(prefix) - 1
        try:
            if 0 < size < 0x80 and data.startswith(prefix) and data[-size - 1] == size and function_type:
                address: Address | None = _checked(function_type, data[-size:].decode())
            else:
                address = self._decoded(data)
        except UNPARSABLE:
            raise UnfitError("an Address", f"{len(data)} bytes that are not one", "caller") from None
        if len(data) <= _ADDRESS_BYTES:
            if len(self.known) >= _ADDRESSES:
                self.known.clear()
            self.known[data] = address
        return address

    def _decoded(self, data: bytes) -> Address | None:
        message = self._parse(data)
        namespace, name, id = message.namespace, message.type, message.id
        if namespace and name and id and "/" not in name:
            function_type = f"{namespace}/{name}"
            prefix = field(b"\x0a", namespace.encode()) + field(b"\x12", name.encode()) + b"\x1a"
            self._last = (function_type, prefix)
            return _checked(function_type, id)
        if not (namespace or name or id):
            return None
        raise UnfitError(
            "an Address with a namespace, a type without '/', and an id",
            f"namespace {shown(namespace)}, type {shown(name)}, id {shown(id)}",
            "caller",
        )


def _checked(function_type: str, id: str) -> Address:
    """Create an Address from parts that have been checked, without the checks of its constructor."""
    return tuple.__new__(Address, (function_type, id))


def has_unknown(message: Message, number: int) -> bool:
    """Whether *message* has an unknown field of this number, or one of another wire type."""
    fields = UnknownFieldSet(message)
    return any(fields[index].field_number == number for index in range(len(fields)))


def repeated_state(names: Iterable[str]) -> UnfitError:
    """The error for a batch whose state *names* contain a duplicate."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            return UnfitError("each state once", f"{shown(name)} twice", f"state[{index}]")
        seen.add(name)
    raise AssertionError("no name is repeated")


class Reader(Generic[_S, _I]):
    """Decodes the requests of one protocol.

    Args:
        protocol: its name in errors.
        parse: reads a whole request.
        parse_address: reads an address.
        states: reads all states of a batch; UnfitError if one is repeated.
        invocations: appends the invocations of a request, which are its second argument, too, to its third one;
            UnfitError at the first malformed one.
        split: the bytes of the target, the states and the invocations of a request, if it finds them more quickly
            than *parse*; otherwise None.
    """

    def __init__(
        self,
        protocol: str,
        parse: Callable[[bytes], RequestMessage],
        parse_address: Callable[[bytes], AddressMessage],
        states: Callable[[list[_S]], dict[str, TypedValue | None]],
        invocations: Callable[[bytes, list[_I], list[Invocation]], None],
        split: Callable[[bytes], tuple[bytes, list[_S], list[_I]] | None] | None = None,
    ) -> None:
        self._protocol = protocol
        self._parse = parse
        self._targets = Addresses(parse_address)
        self._known_targets = self._targets.known
        self._states = states
        self._invocations = invocations
        self._split = split

    def read(self, data: bytes) -> Batch:
        split = self._split
        parts = None if split is None else split(data)
        whose, states, messages = self._parsed(data) if parts is None else parts
        try:
            target = self._known_targets[whose]
        except KeyError:
            target = self._target(whose)
        if target is None:
            raise self._malformed("an Address", "none", "invocation.target")

        invocations: list[Invocation] = []
        state: dict[str, TypedValue | None] | None = None
        read_states, read_invocations = self._states, self._invocations
        try:
            state = read_states(states)
            read_invocations(data, messages, invocations)
        except UnfitError as unfit:
            where = "" if state is None else f"invocations[{len(invocations)}]."
            raise self._malformed(unfit.expected, unfit.got, f"invocation.{where}{unfit.part}") from None
        except UNPARSABLE:
            raise self._unparsable(data) from None
        if not invocations:
            raise self._malformed("at least one invocation", "none", "invocation.invocations")
        return Batch(target, state, invocations)

    def _parsed(self, data: bytes) -> tuple[bytes, list[_S], list[_I]]:
        try:
            request = self._parse(data)
        except UNPARSABLE:
            raise self._unparsable(data) from None
        batch = request.invocation
        target = batch.target
        if not target and not request.HasField("invocation"):
            raise self._malformed("a batch", "none", "invocation")
        # Lists: iteration over a container of protobuf ends by an IndexError.
        return target, batch.state[:], batch.invocations[:]

    def _target(self, data: bytes) -> Address | None:
        try:
            return self._targets.read(data)
        except UnfitError as unfit:
            raise self._malformed(unfit.expected, unfit.got, "invocation.target") from None

    def _unparsable(self, data: bytes) -> MalformedRequestError:
        return self._malformed("a ToFunction message", f"{len(data)} bytes that are not one", "")

    def _malformed(self, expected: str, got: str, where: str) -> MalformedRequestError:
        return MalformedRequestError(self._protocol, expected, got, where)
