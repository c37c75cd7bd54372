"""The way from a request body to a Batch, as far as both protocols share it.

protobuf parses in one go, in C; after that every look at a field makes a Python object, and these are what reading
costs. So each field is looked at once, and addresses stay bytes (``protos/*/reading.proto``) until ``Addresses``, which
remembers the last few thousand, decodes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.wire.encoding import field
from statefun_actors.wire.malformed import MalformedRequestError, shown

UNPARSABLE: Final = (DecodeError, UnicodeDecodeError, RecursionError)
"""What parsing raises. The last two come from protobuf's pure Python: no UTF-8 in a string, groups without end."""

_ADDRESSES: Final = 4096
_ADDRESS_BYTES: Final = 512


class AddressMessage(Protocol):
    namespace: str
    type: str
    id: str


class BatchMessage(Protocol):
    target: bytes

    @property
    def state(self) -> Sized: ...


_B = TypeVar("_B", bound=BatchMessage)
_B_co = TypeVar("_B_co", bound=BatchMessage, covariant=True)


class RequestMessage(Protocol[_B_co]):
    @property
    def invocation(self) -> _B_co: ...

    def HasField(self, field_name: str, /) -> bool: ...  # noqa: N802 - protobuf's name


class UnfitError(Exception):
    """A part of an invocation, or the target, is not what it should be; its reader knows where that was."""

    def __init__(self, expected: str, got: str, part: str) -> None:
        super().__init__(expected, got, part)
        self.expected, self.got, self.part = expected, got, part


class Addresses(dict[bytes, Address | None]):
    """Addresses by their bytes, ``addresses[data]``; None where all parts are empty, as no address is written.

    Holds at most 4,096, and no long ones. Raises UnfitError for anything else that is not an address.
    """

    def __init__(self, parse: Callable[[bytes], AddressMessage]) -> None:
        super().__init__()
        self._parse = parse
        # The function type of the address decoded last, and how the bytes of such an address begin, down to the id's
        # length: the next one is often another id of the same type, and then needs no message.
        self._last = ("", b"")

    def __missing__(self, data: bytes) -> Address | None:
        function_type, beginning = self._last
        size = len(data) - len(beginning) - 1
        try:
            if 0 < size < 0x80 and data.startswith(beginning) and data[-size - 1] == size and function_type:
                address: Address | None = _checked(function_type, data[-size:].decode())
            else:
                address = self._decoded(data)
        except UNPARSABLE:
            raise UnfitError("an Address", f"{len(data)} bytes that are none", "caller") from None
        if len(data) <= _ADDRESS_BYTES:
            if len(self) >= _ADDRESSES:
                self.clear()
            self[data] = address
        return address

    def _decoded(self, data: bytes) -> Address | None:
        message = self._parse(data)
        namespace, name, id = message.namespace, message.type, message.id
        if namespace and name and id and "/" not in name:
            function_type = f"{namespace}/{name}"
            beginning = field(b"\x0a", namespace.encode()) + field(b"\x12", name.encode()) + b"\x1a"
            self._last = (function_type, beginning)
            return _checked(function_type, id)
        if not (namespace or name or id):
            return None
        raise UnfitError(
            "an Address with a namespace, a type without '/', and an id",
            f"namespace {shown(namespace)}, type {shown(name)}, id {shown(id)}",
            "caller",
        )


def _checked(function_type: str, id: str) -> Address:
    """An Address without the checks of its constructor, for what has just passed them."""
    return tuple.__new__(Address, (function_type, id))


def has_unknown(message: Message, number: int) -> bool:
    """Whether *message* came with a field of this number that is none of its own, or not of its type."""
    fields = UnknownFieldSet(message)
    return any(fields[index].field_number == number for index in range(len(fields)))


def twice(names: Iterable[str]) -> UnfitError:
    """What is wrong with a batch that has states of these *names*, one of which came before."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            return UnfitError("each state once", f"{shown(name)} twice", f"state[{index}]")
        seen.add(name)
    raise AssertionError("no name came before")


States: TypeAlias = Callable[[_B], dict[str, TypedValue | None]]
"""All the states of a batch; UnfitError where one comes twice."""
Invocations: TypeAlias = Callable[[bytes, _B, list[Invocation]], None]
"""Appends the invocations of a request, and of its batch, to the list; UnfitError at the first one that is none."""


class Reader(Generic[_B]):
    """Reads the requests of one protocol."""

    def __init__(
        self,
        protocol: str,
        parse: Callable[[bytes], RequestMessage[_B]],
        parse_address: Callable[[bytes], AddressMessage],
        states: States[_B],
        invocations: Invocations[_B],
    ) -> None:
        self._protocol = protocol
        self._parse = parse
        self._targets = Addresses(parse_address)
        self._states = states
        self._invocations = invocations

    def read(self, data: bytes) -> Batch:
        try:
            request = self._parse(data)
        except UNPARSABLE:
            raise self._unparsable(data) from None
        batch = request.invocation

        try:
            target = self._targets[batch.target]
        except UnfitError as unfit:
            raise self._malformed(unfit.expected, unfit.got, "invocation.target") from None
        if target is None:
            if not request.HasField("invocation"):
                raise self._malformed("a batch", "none", "invocation")
            raise self._malformed("an Address", "none", "invocation.target")

        invocations: list[Invocation] = []
        state: dict[str, TypedValue | None] | None = None
        try:
            state = self._states(batch)
            self._invocations(data, batch, invocations)
        except UnfitError as unfit:
            where = "" if state is None else f"invocations[{len(invocations)}]."
            raise self._malformed(unfit.expected, unfit.got, f"invocation.{where}{unfit.part}") from None
        except UNPARSABLE:
            raise self._unparsable(data) from None
        if not invocations:
            raise self._malformed("at least one invocation", "none", "invocation.invocations")
        return Batch(target, state, invocations)

    def _unparsable(self, data: bytes) -> MalformedRequestError:
        return self._malformed("a ToFunction message", f"{len(data)} bytes that are none", "")

    def _malformed(self, expected: str, got: str, where: str) -> MalformedRequestError:
        return MalformedRequestError(self._protocol, expected, got, where)
