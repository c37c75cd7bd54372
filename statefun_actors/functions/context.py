"""``Context``: the first argument of a stateful function."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from google.protobuf.any_pb2 import Any as ProtobufAny

from statefun_actors.address import Address
from statefun_actors.definition import Field, Scope
from statefun_actors.errors import (
    DetachedEntityError,
    FieldMismatchError,
    NoCallerError,
    NotAMessageError,
    UndeclaredStateError,
    ValueMismatchError,
)
from statefun_actors.model import TypedValue
from statefun_actors.types import Codec, any_of, checked_typed, codec_for, typed_of_any

_PACKED: Final = (ProtobufAny, TypedValue)
_PRIMITIVES: Final[dict[type, Codec]] = {cls: codec_for(cls) for cls in (bool, int, float, str, bytes)}


class Context:
    """The address, caller and time of the current message, the function's state, and methods to send.

    ::

        functions = StatefulFunctions()

        @functions.bind("demo/visitor", states={"seen": int})
        def visit(context: Context, message: str) -> None:
            context["seen"] = (context["seen"] or 0) + 1

    ``context["name"]`` reads a state (None while it is absent), ``context["name"] = value`` writes it, ``del`` and
    assigning None delete it. A state that the function declares (``states={"name": int}``) holds Python values; any
    other one in the request holds a ``google.protobuf.Any``. A value changed in place is only stored after it is
    assigned.
    """

    __contains__ = None  # otherwise Python tries the states 0, 1, 2 ...
    __iter__ = None
    __slots__ = ("_fields", "_known", "_scope", "_staged", "_typename")

    def __init__(self, scope: Scope, typename: str, fields: Mapping[str, Field]) -> None:
        self._scope: Scope | None = scope
        self._typename = typename
        self._fields = fields
        self._staged: dict[str, TypedValue | None] = {}
        """Writes since the batch last settled, checked and encoded; None: deleted."""
        self._known: dict[str, object] = {}
        """Cache of immutable states, as last read or written."""

    @property
    def address(self) -> Address:
        """The function's own address."""
        return (self._scope or self._detached("address")).target

    @property
    def caller(self) -> Address | None:
        """The sender of the message; None if it came from an ingress."""
        return (self._scope or self._detached("caller")).caller

    @property
    def now(self) -> datetime:
        """The current time, aware, in UTC; constant while one message is handled, virtual in tests."""
        return (self._scope or self._detached("now")).now

    # messages: the plain forms take an Any or a TypedValue, the pack_ forms any value that can be sent

    def send(self, typename: str, id: str, message: ProtobufAny | TypedValue) -> None:
        """Send *message* to the function *typename* with *id*.

        Raises:
            NotAMessageError: it is neither an Any nor a TypedValue.
            InvalidAddressError: *typename* is not ``<namespace>/<name>``, or *id* is empty.
        """
        (self._scope or self._detached("send")).send(Address(typename, id), _checked(message, "pack_and_send"))

    def pack_and_send(self, typename: str, id: str, message: object) -> None:
        """Pack *message* and send it."""
        (self._scope or self._detached("pack_and_send")).send(Address(typename, id), message)

    def reply(self, message: ProtobufAny | TypedValue) -> None:
        """Send *message* to :attr:`caller`.

        Raises:
            NoCallerError: the message came from an ingress.
        """
        self._reply(_checked(message, "pack_and_reply"), "reply")

    def pack_and_reply(self, message: object) -> None:
        """Pack *message* and send it to :attr:`caller`. Raises NoCallerError as :meth:`reply` does."""
        self._reply(message, "pack_and_reply")

    def send_after(
        self,
        delay: timedelta | float,
        typename: str,
        id: str,
        message: ProtobufAny | TypedValue,
        *,
        cancellation_token: str | None = None,
    ) -> None:
        """Send *message* after *delay* (a timedelta, or seconds); with a token it can be cancelled."""
        (self._scope or self._detached("send_after")).send_after(
            delay, Address(typename, id), _checked(message, "pack_and_send_after"), cancellation_token
        )

    def pack_and_send_after(
        self,
        delay: timedelta | float,
        typename: str,
        id: str,
        message: object,
        *,
        cancellation_token: str | None = None,
    ) -> None:
        """Pack *message* and send it after *delay*."""
        (self._scope or self._detached("pack_and_send_after")).send_after(
            delay, Address(typename, id), message, cancellation_token
        )

    def cancel(self, cancellation_token: str) -> None:
        """Cancel the delayed message with that token, if it has not been delivered yet: best effort."""
        (self._scope or self._detached("cancel")).cancel(cancellation_token)

    def send_egress(self, typename: str, message: ProtobufAny | TypedValue) -> None:
        """Send *message* to the egress *typename*."""
        (self._scope or self._detached("send_egress")).send_egress(typename, _checked(message, "pack_and_send_egress"))

    def pack_and_send_egress(self, typename: str, message: object) -> None:
        """Pack *message* (a ``kafka_record``, a ``kinesis_record`` or any message) and send it to an egress."""
        (self._scope or self._detached("pack_and_send_egress")).send_egress(typename, message)

    # --- state

    def __getitem__(self, name: str) -> Any:
        """The state *name*; None while it is absent.

        Raises:
            UndeclaredStateError: the function does not declare it, and the request does not contain it.
            StateDecodeError: the stored value does not fit the declared type.
        """
        scope = self._scope or self._detached(f'["{name}"]')
        known = self._known
        if name in known:
            return known[name]
        stored = self._staged[name] if name in self._staged else self._stored(name, scope)
        if stored is None:
            return None
        field = self._fields.get(name)
        if field is None:
            return any_of(stored)
        try:
            value = field.read(self._typename, stored)
        except BaseException as error:
            scope.fatal = error
            raise
        if field.immutable:
            known[name] = value
        return value

    def __setitem__(self, name: str, value: object) -> None:
        """Write the state *name*; None deletes it.

        Raises:
            UndeclaredStateError: as for reading.
            FieldMismatchError: *value* does not fit the declared type.
        """
        scope = self._scope or self._detached(f'["{name}"]')
        field = self._fields.get(name)
        if field is None or field.codec is not _PRIMITIVES.get(value.__class__):
            if name not in self._staged:
                self._stored(name, scope)
            if field is None and type(value) is ProtobufAny:  # the same as _encoded, two calls fewer
                self._staged[name] = typed_of_any(value)
            else:
                self._staged[name] = None if value is None else self._encoded(name, value)
                self._known.pop(name, None)
        else:
            try:
                self._staged[name] = TypedValue(field.typename, field.codec.encode(value))
            except ValueMismatchError as error:
                raise self._mismatch(field, error) from error
            self._known[name] = value

    def __delitem__(self, name: str) -> None:
        """Delete the state *name*; raises UndeclaredStateError as for reading."""
        self[name] = None

    def _encoded(self, name: str, value: object) -> TypedValue:
        field = self._fields.get(name)
        if isinstance(value, _PACKED) and (field is None or not _holds_any(field)):
            typed = checked_typed(value) if isinstance(value, TypedValue) else typed_of_any(value)
            return typed if field is None else self._unpacked(field, typed)
        if field is None:
            raise FieldMismatchError(
                self._typename,
                name,
                "a google.protobuf.Any (to keep Python values, declare the state: bind(..., states={...}))",
                f"`{type(value).__name__}`",
            )
        return self._declared(field, value)

    def _unpacked(self, field: Field, typed: TypedValue) -> TypedValue:
        """Convert *typed* to the declared state: to its typename, and checked to be readable.

        Values that the declared type reads fit, including the 2.x wrappers of primitives.
        """
        codec, got = field.codec, f"an Any of {typed.typename!r}"
        if typed.typename not in codec.accepts and typed.typename not in codec.lenient:
            raise FieldMismatchError(self._typename, field.name, codec.spelling, got)
        try:
            value = codec.decode(typed.value, typed.typename)
        except ValueError as error:
            raise FieldMismatchError(self._typename, field.name, codec.spelling, f"{got}: {error}") from error
        return typed if typed.typename == field.typename else self._declared(field, value)

    def _declared(self, field: Field, value: object) -> TypedValue:
        try:
            return TypedValue(field.typename, field.codec.encode(value))
        except ValueMismatchError as error:
            raise self._mismatch(field, error) from error

    def _mismatch(self, field: Field, error: ValueMismatchError) -> FieldMismatchError:
        return FieldMismatchError(self._typename, field.name, error.expected, error.got, error.path)

    def _stored(self, name: str, scope: Scope) -> TypedValue | None:
        try:
            return scope.current(self._fields[name].state_name if name in self._fields else name)
        except KeyError:
            raise UndeclaredStateError(self._typename, name, sorted(map(str, scope.batch_state))) from None

    def _reply(self, message: object, attribute: str) -> None:
        scope = self._scope or self._detached(attribute)
        if scope.caller is None:
            raise NoCallerError(str(scope.target))
        scope.reply(message)

    def _detached(self, attribute: str) -> NoReturn:
        raise DetachedEntityError(f"context of {self._typename}", attribute)


def _holds_any(field: Field) -> bool:
    return field.typename == "type.googleapis.com/google.protobuf.Any"


def _checked(message: object, instead: str) -> object:
    """*message*, which is an Any or a TypedValue; the scope packs it."""
    if isinstance(message, _PACKED):
        return message
    raise NotAMessageError(f"`{type(message).__name__}`", f"This form takes a google.protobuf.Any; use {instead}(...)")
