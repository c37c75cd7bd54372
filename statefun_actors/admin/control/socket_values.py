"""Values in the requests and replies of a control socket. Bytes are in base64."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from statefun_actors.address import Address, check_typename
from statefun_actors.model import TypedValue
from statefun_actors.store import PauseTarget


class Value(msgspec.Struct, forbid_unknown_fields=True):
    """A typed value."""

    type: str
    base64: bytes

    @classmethod
    def of(cls, value: TypedValue) -> Value:
        return cls(value.typename, value.value)

    def typed(self) -> TypedValue:
        return TypedValue(self.type, self.base64)


class AddressValue(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    id: str

    def address(self) -> Address:
        """Raises InvalidAddressError: it is not an address."""
        return Address(self.type, self.id)


def addresses_of(addresses: Sequence[Address]) -> list[AddressValue]:
    return [AddressValue(*address) for address in addresses]


class TargetValue(msgspec.Struct, forbid_unknown_fields=True):
    """A function type, or one entity of it."""

    type: str
    id: str | None = None

    def target(self) -> PauseTarget:
        """Raises InvalidAddressError: it is neither a function type nor an address."""
        if self.id is None:
            return check_typename(self.type, "a function type is <namespace>/<name>")
        return Address(self.type, self.id)


def targets_of(targets: Sequence[PauseTarget]) -> list[TargetValue]:
    return [TargetValue(target) if isinstance(target, str) else TargetValue(*target) for target in targets]
