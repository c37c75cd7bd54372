"""``Context``: the first argument of a function, as in Apache's ``statefun.context``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn

from statefun_actors.address import Address
from statefun_actors.compat.statefun3.core import SdkAddress, sdk_address
from statefun_actors.compat.statefun3.messages import EgressMessage, Message
from statefun_actors.compat.statefun3.storage import Cell, StorageSpec
from statefun_actors.definition import Scope
from statefun_actors.errors import DetachedEntityError


class Context:
    """The address, the caller and the states of a function, and methods to send."""

    __slots__ = ("cells", "scope", "storage", "typename")

    storage: Any
    """The states as attributes: read, assign and delete them; None while one is absent."""

    def __init__(self, scope: Scope, typename: str, spec: StorageSpec) -> None:
        self.scope: Scope | None = scope
        self.typename = typename
        self.cells = {each.name: Cell(each.type, scope.current(each.name)) for each in spec.specs}
        self.storage = spec.make_instance(self.cells, typename)

    @property
    def address(self) -> SdkAddress:
        """The function's own address."""
        return sdk_address((self.scope or self._detached("address")).target)

    @property
    def caller(self) -> SdkAddress | None:
        """The sender of the message; None if it came from an ingress."""
        caller = (self.scope or self._detached("caller")).caller
        return None if caller is None else sdk_address(caller)

    def send(self, message: Message) -> None:
        """Send *message* to its target."""
        (self.scope or self._detached("send")).send(Address(message.target_typename, message.target_id), message.value)

    def send_after(self, duration: timedelta, message: Message, cancellation_token: str = "") -> None:
        """Send *message* after *duration*; with a token it can be cancelled."""
        target = Address(message.target_typename, message.target_id)
        scope = self.scope or self._detached("send_after")
        scope.send_after(duration, target, message.value, cancellation_token or None)

    def cancel_delayed_message(self, cancellation_token: str) -> None:
        """Cancel the delayed message with that token, if it has not been delivered yet: best effort."""
        (self.scope or self._detached("cancel_delayed_message")).cancel(cancellation_token)

    def send_egress(self, message: EgressMessage) -> None:
        """Send the record *message* to its egress."""
        (self.scope or self._detached("send_egress")).send_egress(message.typename, message.value)

    def _detached(self, attribute: str) -> NoReturn:
        raise DetachedEntityError(f"context of {self.typename}", attribute)
