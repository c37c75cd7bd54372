"""Encodes Outcomes as reply bodies, as far as both protocols share it: all of FromFunction except values.

A value is a message of at most three fields (2.x: an Any, 3.x: a TypedValue), and both protocols write its bytes last.
So everything before the id of an address, or before the bytes of a value, depends only on names and one length, and is
cached in ``Pieces``; the bytes are copied once, by the final join.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

from statefun_actors.model import Cancel, Done, Egress, MissingState, Send, SendAfter, State, TypedValue
from statefun_actors.wire.encoding import Pieces, field, varint

ValueFields: TypeAlias = Callable[[str, int], bytes]
"""The first bytes of a value with this typename and length: all but its own bytes."""
Conversions: TypeAlias = Mapping[str, str | Callable[[bytes], tuple[str, bytes]]]
"""By typename: the typename to write, or a function of a value's bytes that returns the typename and bytes to write."""

LONGEST_DELAY_MS: Final = (1 << 63) - 1


def reply_head(size: int) -> bytes:
    """FromFunction.invocation_result = 100, a message of *size* bytes."""
    return b"\xa2\x06" + varint(size)


_SMALL: Final = 2048
_HEADS: Final = [reply_head(size) for size in range(_SMALL)]
_WITH_TOKEN: Final = (Cancel, SendAfter)


class Writer:
    """Encodes the replies of one protocol."""

    def __init__(
        self,
        value_fields: ValueFields,
        conversions: Conversions,
        incomplete: Callable[[MissingState], bytes],
        *,
        state_conversions: Mapping[str, Callable[[bytes], tuple[str, bytes]]] | None = None,
        cancels: bool,
    ) -> None:
        self._value_fields = value_fields
        # In messages and records the cached pieces have the new typenames. Values whose bytes change, too, are
        # converted one by one, and so are states, since a declared Any may hold a value of a typename that changes.
        self._renames = {typename: new for typename, new in conversions.items() if isinstance(new, str)}
        self._conversions = {typename: new for typename, new in conversions.items() if not isinstance(new, str)}
        renamings = {typename: _renaming(new) for typename, new in self._renames.items()}
        self._state_conversions = {**renamings, **self._conversions, **(state_conversions or {})}
        self._incomplete = incomplete
        self._cancels = cancels
        # Keys: function type, length of the id; typename, length of the value; and additional names.
        self._targets = Pieces[tuple[str, int], bytes](lambda key: _target(*key))
        self._values = Pieces[tuple[str, int], bytes](lambda key: self._value(*key))
        self._sends = Pieces[tuple[str, int, str, int], tuple[bytes, bytes]](lambda key: self._send(*key))
        self._egresses = Pieces[tuple[str, str, int], bytes](lambda key: self._egress(*key))
        self._modifications = Pieces[tuple[str, str, int], bytes](lambda key: self._modification(*key))

    def write(self, outcome: Done | MissingState, token_prefix: str | None) -> bytes:
        if type(outcome) is MissingState:  # for a Struct, an `isinstance` that is false takes four times as long
            return self._incomplete(outcome)
        sends, egresses, conversions = self._sends.known, self._egresses.known, self._conversions
        messages = self._mutations(outcome.changes)
        delayed: list[bytes] = []
        records: list[bytes] = []
        for effect in outcome.effects:
            if type(effect) is Send:
                target, value = effect.target, effect.value
                if value.typename in conversions:
                    value = self._converted(value)
                encoded_id, data = target[1].encode(), value.value
                send = target[0], len(encoded_id), value.typename, len(data)
                try:
                    head, value_head = sends[send]
                except KeyError:
                    head, value_head = self._sends.made(send)
                messages += head, encoded_id, value_head, data
            elif type(effect) is Egress:
                value = effect.value
                if value.typename in conversions:
                    value = self._converted(value)
                data = value.value
                record = effect.egress, value.typename, len(data)
                try:
                    records += egresses[record], data
                except KeyError:
                    records += self._egresses.made(record), data
            elif type(effect) is SendAfter:
                self._send_after(effect, token_prefix, delayed)
            elif type(effect) is Cancel:
                self._cancel(effect.token, token_prefix, delayed)
            else:
                assert_never(effect)
        if delayed:
            messages += delayed
        messages += records
        result = b"".join(messages)
        size = len(result)
        return (_HEADS[size] if size < _SMALL else reply_head(size)) + result

    def drops(self, outcome: Done | MissingState) -> bool:
        if self._cancels or isinstance(outcome, MissingState):
            return False
        for effect in outcome.effects:  # noqa: SIM110 - any() of a generator takes five times as long for two effects
            if isinstance(effect, _WITH_TOKEN) and effect.token is not None:
                return True
        return False

    def _mutations(self, changes: State) -> list[bytes]:
        """The first parts of the result: changes of states."""
        mutations: list[bytes] = []
        conversions, modifications = self._state_conversions, self._modifications.known
        for name, value in changes.items():
            if value is None:
                state_name = field(b"\x12", name.encode())
                mutations += b"\x0a", varint(len(state_name)), state_name  # DELETE = 0
            else:
                typename, data = value.typename, value.value
                if typename in conversions:
                    typename, data = conversions[typename](data)
                modification = name, typename, len(data)
                try:
                    mutations += modifications[modification], data
                except KeyError:
                    mutations += self._modifications.made(modification), data
        return mutations

    def _send_after(
        self, effect: SendAfter, token_prefix: str | None, delayed: list[bytes], headers: bytes = b""
    ) -> None:
        if not 0 <= effect.delay_ms <= LONGEST_DELAY_MS:
            raise ValueError(f"expected a delay of 0 to {LONGEST_DELAY_MS} ms, got {effect.delay_ms}")
        token = b""
        if self._cancels and effect.token is not None:
            token = _token(effect.token, token_prefix)
            if token_prefix is not None:  # Flink fails the whole job if a token is pending twice
                self._cancel(effect.token, token_prefix, delayed)
        value = self._converted(effect.value)
        id, data = effect.target.id.encode(), value.value
        delay = b"\x08" + varint(effect.delay_ms) if effect.delay_ms else b""
        target = delay + b"\x12" + self._targets.find((effect.target.typename, len(id)))
        if headers:
            argument = b"\x1a" + self._value(value.typename, len(data), len(headers))
        else:
            argument = b"\x1a" + self._values.find((value.typename, len(data)))
        size = len(target) + len(id) + len(argument) + len(data) + len(headers) + len(token)
        delayed += b"\x1a", varint(size), target, id, argument, data, headers, token

    def _cancel(self, token: str, token_prefix: str | None, delayed: list[bytes]) -> None:
        if self._cancels and (encoded := _token(token, token_prefix)):
            cancellation = b"\x50\x01" + encoded  # is_cancellation_request
            delayed += (b"\x1a", varint(len(cancellation)), cancellation)

    def converted(self, value: TypedValue) -> TypedValue:
        """*value* as this protocol writes it in a message or a record."""
        typename = self._renames.get(value.typename)
        return self._converted(value) if typename is None else TypedValue(typename, value.value)

    def converted_state(self, value: TypedValue) -> TypedValue:
        """*value* as this protocol writes it in a state."""
        convert = self._state_conversions.get(value.typename)
        return value if convert is None else TypedValue(*convert(value.value))

    def _converted(self, value: TypedValue) -> TypedValue:
        convert = self._conversions.get(value.typename)
        return value if convert is None else TypedValue(*convert(value.value))

    # All but the final bytes of messages whose final bytes have this length; each begins with its own length. *more* is
    # the length of the headers behind them.

    def _value(self, typename: str, length: int, more: int = 0) -> bytes:
        return self._value_head(self._renames.get(typename, typename), length, more)

    def _value_head(self, typename: str, length: int, more: int = 0) -> bytes:
        fields = self._value_fields(typename, length)
        return varint(len(fields) + length + more) + fields

    def _send(
        self, function_type: str, id_length: int, typename: str, length: int, more: int = 0
    ) -> tuple[bytes, bytes]:
        """The bytes before the id, and those between the id and the value."""
        target = b"\x0a" + self._targets.find((function_type, id_length))
        value = b"\x12" + (self._value(typename, length, more) if more else self._values.find((typename, length)))
        return b"\x12" + varint(len(target) + id_length + len(value) + length + more) + target, value

    def _egress(self, egress: str, typename: str, length: int) -> bytes:
        namespace, _, name = egress.rpartition("/")
        names = field(b"\x0a", namespace.encode()) + field(b"\x12", name.encode())
        fields = names + b"\x1a" + self._values.find((typename, length))
        return b"\x22" + varint(len(fields) + length) + fields

    def _modification(self, name: str, typename: str, length: int) -> bytes:
        fields = (
            b"\x08\x01" + field(b"\x12", name.encode()) + b"\x1a" + self._value_head(typename, length)
        )  # MODIFY = 1
        return b"\x0a" + varint(len(fields) + length) + fields


def _renaming(typename: str) -> Callable[[bytes], tuple[str, bytes]]:
    return lambda data: (typename, data)


def _target(function_type: str, id_length: int) -> bytes:
    """An Address without its tag and without the bytes of the id."""
    namespace, _, name = function_type.rpartition("/")
    names = field(b"\x0a", namespace.encode()) + field(b"\x12", name.encode())
    fields = names + b"\x1a" + varint(id_length)
    return varint(len(fields) + id_length) + fields


def _token(token: str, token_prefix: str | None) -> bytes:
    """The field ``cancellation_token``; nothing for an empty token."""
    return field(b"\x5a", (token if token_prefix is None else f"{token_prefix}:{token}").encode())
