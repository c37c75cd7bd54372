"""The way from an Outcome to a reply body, as far as both protocols share it: all of FromFunction but its values.

A value is a message of three fields at most (2.x: an Any, 3.x: a TypedValue), and both protocols put the bytes last. So
whatever comes before an address's id or a value's bytes depends only on names and on one length, and is kept in
``Pieces``; the bytes themselves are copied once, by the final join.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

from statefun_actors.model import Cancel, Done, Egress, MissingState, Send, SendAfter, State, TypedValue
from statefun_actors.wire.encoding import SMALL, VARINTS, Pieces, field, varint

ValueFields: TypeAlias = Callable[[str, int], bytes]
"""What a value of this typename and length begins with: everything but its bytes."""
Conversions: TypeAlias = Mapping[str, Callable[[bytes], tuple[str, bytes]]]
"""By typename, what a value of it is written as: typename and bytes."""

LONGEST_DELAY_MS: Final = (1 << 63) - 1

_INVOCATION_RESULT: Final = b"\xa2\x06"  # FromFunction.invocation_result = 100


class Writer:
    """Writes the replies of one protocol."""

    def __init__(
        self,
        value_fields: ValueFields,
        conversions: Conversions,
        incomplete: Callable[[MissingState], bytes],
        *,
        cancels: bool,
    ) -> None:
        self._value_fields = value_fields
        self._conversions = conversions
        self._incomplete = incomplete
        self._cancels = cancels
        # Keys: function type, length of the id; typename, length of the value; egress, typename, length of the value.
        self._send_targets = Pieces[tuple[str, int]](lambda key: _target(b"\x0a", *key))
        self._send_values = Pieces[tuple[str, int]](lambda key: self._value(b"\x12", *key))
        self._delayed_targets = Pieces[tuple[str, int]](lambda key: _target(b"\x12", *key))
        self._values = Pieces[tuple[str, int]](lambda key: self._value(b"\x1a", *key))
        self._egresses = Pieces[tuple[str, str, int]](lambda key: self._egress(*key))

    def write(self, outcome: Done | MissingState, token_prefix: str | None) -> bytes:
        if isinstance(outcome, MissingState):
            return self._incomplete(outcome)
        conversions = self._conversions
        send_targets, send_values, egresses = self._send_targets, self._send_values, self._egresses
        messages: list[bytes] = []
        delayed: list[bytes] = []
        records: list[bytes] = []
        for effect in outcome.effects:
            if isinstance(effect, Send):  # not `match`, which takes three times as long to find the class
                function_type, id = effect.target
                encoded_id = id.encode()
                typename, data = effect.value.typename, effect.value.value
                if typename in conversions:
                    typename, data = conversions[typename](data)
                target = send_targets[function_type, len(encoded_id)]
                value = send_values[typename, len(data)]
                size = len(target) + len(encoded_id) + len(value) + len(data)
                messages += (b"\x12", VARINTS[size] if size < SMALL else varint(size), target, encoded_id, value, data)
            elif isinstance(effect, Egress):
                typename, data = effect.value.typename, effect.value.value
                if typename in conversions:
                    typename, data = conversions[typename](data)
                records += (egresses[effect.egress, typename, len(data)], data)
            elif isinstance(effect, SendAfter):
                self._send_after(effect, token_prefix, delayed)
            elif isinstance(effect, Cancel):
                self._cancel(effect.token, token_prefix, delayed)
            else:
                assert_never(effect)
        result = b"".join([*self._mutations(outcome.changes), *messages, *delayed, *records])
        return _INVOCATION_RESULT + varint(len(result)) + result

    def drops(self, outcome: Done | MissingState) -> bool:
        if self._cancels or isinstance(outcome, MissingState):
            return False
        return any(
            isinstance(effect, Cancel) or (isinstance(effect, SendAfter) and effect.token is not None)
            for effect in outcome.effects
        )

    def _mutations(self, changes: State) -> list[bytes]:
        mutations: list[bytes] = []
        for name, value in changes.items():
            state_name = field(b"\x12", name.encode())
            if value is None:
                mutations += (b"\x0a", varint(len(state_name)), state_name)  # DELETE = 0
            else:
                head, data = self._converted(value)
                mutation = b"\x08\x01" + state_name + head  # MODIFY = 1
                mutations += (b"\x0a", varint(len(mutation) + len(data)), mutation, data)
        return mutations

    def _send_after(self, effect: SendAfter, token_prefix: str | None, delayed: list[bytes]) -> None:
        if not 0 <= effect.delay_ms <= LONGEST_DELAY_MS:
            raise ValueError(f"expected a delay of 0 to {LONGEST_DELAY_MS} ms, got {effect.delay_ms}")
        token = b""
        if self._cancels and effect.token is not None:
            token = _token(effect.token, token_prefix)
            if token_prefix is not None:  # Flink fails the whole job where a token is pending twice
                self._cancel(effect.token, token_prefix, delayed)
        id = effect.target.id.encode()
        head, data = self._converted(effect.value)
        delay = b"\x08" + varint(effect.delay_ms) if effect.delay_ms else b""
        target = delay + self._delayed_targets[effect.target.typename, len(id)]
        size = len(target) + len(id) + len(head) + len(data) + len(token)
        delayed += (b"\x1a", varint(size), target, id, head, data, token)

    def _cancel(self, token: str, token_prefix: str | None, delayed: list[bytes]) -> None:
        if self._cancels and (encoded := _token(token, token_prefix)):
            cancellation = b"\x50\x01" + encoded  # is_cancellation_request
            delayed += (b"\x1a", varint(len(cancellation)), cancellation)

    def _converted(self, value: TypedValue) -> tuple[bytes, bytes]:
        """The field 3 that holds *value*: all before its bytes, and its bytes."""
        typename, data = value.typename, value.value
        if typename in self._conversions:
            typename, data = self._conversions[typename](data)
        return self._values[typename, len(data)], data

    def _value(self, tag: bytes, typename: str, length: int) -> bytes:
        fields = self._value_fields(typename, length)
        return tag + varint(len(fields) + length) + fields

    def _egress(self, egress: str, typename: str, length: int) -> bytes:
        namespace, _, name = egress.rpartition("/")
        names = field(b"\x0a", namespace.encode()) + field(b"\x12", name.encode())
        fields = names + self._value(b"\x1a", typename, length)
        return b"\x22" + varint(len(fields) + length) + fields


def _target(tag: bytes, function_type: str, id_length: int) -> bytes:
    """An Address field without the id's bytes."""
    namespace, _, name = function_type.rpartition("/")
    names = field(b"\x0a", namespace.encode()) + field(b"\x12", name.encode())
    fields = names + b"\x1a" + varint(id_length)
    return tag + varint(len(fields) + id_length) + fields


def _token(token: str, token_prefix: str | None) -> bytes:
    """The field ``cancellation_token``; nothing for an empty one, which is how no token is written."""
    return field(b"\x5a", (token if token_prefix is None else f"{token_prefix}:{token}").encode())
