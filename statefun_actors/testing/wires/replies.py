"""What Flink would read from the replies: the bytes of a ``FromFunction`` to effects and changed states."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

from google.protobuf.any_pb2 import Any
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.model import Cancel, Done, Effect, Egress, Send, SendAfter, TypedValue
from statefun_actors.wire import in_2x, state_in_2x, v2_pb2, v3_pb2


def read_3x(data: bytes, done: Done, token_prefix: str | None) -> Done:
    """The outcome in the reply *data* of protocol 3.x to a batch whose outcome was *done*.

    A reply has messages, delayed messages and records, each in their order; *done* has their common order, and what
    a reply does not have: headers, the effects of each message, and failures.

    Raises:
        AssertionError: the reply has something else than *done*.
    """
    result = v3_pb2.FromFunction.FromString(data).invocation_result
    changes = {
        change.state_name: None if change.mutation_type == change.DELETE else _typed(change.state_value)
        for change in result.state_mutations[:]
    }
    effects: list[Effect] = [Send(_address(sent.target), _typed(sent.argument)) for sent in result.outgoing_messages[:]]
    effects += _delayed(result.delayed_invocations[:], token_prefix)
    effects += [
        Egress(f"{record.egress_namespace}/{record.egress_type}", _typed(record.argument))
        for record in result.outgoing_egresses[:]
    ]
    return _joined(done, effects, changes, "3.x", cancels=True)


def read_2x(data: bytes, done: Done, token_prefix: str | None) -> Done:  # noqa: ARG001 - 2.x has no tokens
    """As :func:`read_3x`, in protocol 2.x. What 2.x does not have, tokens and cancellations, is taken from *done*.

    Values have the form of 3.x again: those of 2.x are compared to what 2.x writes for them.
    """
    result = v2_pb2.FromFunction.FromString(data).invocation_result
    changes = {
        change.state_name: None
        if change.mutation_type == change.DELETE
        else _native(_packed(change.state_value), done.changes.get(change.state_name), state_in_2x)
        for change in result.state_mutations[:]
    }
    sent = (each for each in done.effects if isinstance(each, Send))
    effects: list[Effect] = [
        Send(_address(each.target), _native(_unpacked(each.argument), expected.value, in_2x))
        for each, expected in zip(result.outgoing_messages[:], sent, strict=True)
    ]
    delayed = (each for each in done.effects if isinstance(each, SendAfter))
    effects += [
        SendAfter(
            _address(each.target),
            _native(_unpacked(each.argument), expected.value, in_2x),
            each.delay_in_ms,
            expected.token,
        )
        for each, expected in zip(result.delayed_invocations[:], delayed, strict=True)
    ]
    records = (each for each in done.effects if isinstance(each, Egress))
    effects += [
        Egress(f"{each.egress_namespace}/{each.egress_type}", _native(_unpacked(each.argument), expected.value, in_2x))
        for each, expected in zip(result.outgoing_egresses[:], records, strict=True)
    ]
    return _joined(done, effects, changes, "2.x", cancels=False)


def _delayed(
    read: Iterable[v3_pb2.FromFunction.DelayedInvocation], token_prefix: str | None
) -> Iterator[SendAfter | Cancel]:
    """Delayed messages and cancellations.

    With a *token_prefix*, a cancellation precedes each message with a token, so that it replaces a pending one.
    """
    cancelled: str | None = None
    for delayed in read:
        token = delayed.cancellation_token or None
        if token is not None and token_prefix is not None:
            token = token.removeprefix(f"{token_prefix}:")
        if delayed.is_cancellation_request:
            if cancelled is not None:
                yield Cancel(cancelled)
            cancelled = token
            continue
        if cancelled is not None and (token_prefix is None or cancelled != token):
            yield Cancel(cancelled)
        cancelled = None
        yield SendAfter(_address(delayed.target), _typed(delayed.argument), delayed.delay_in_ms, token)
    if cancelled is not None:
        yield Cancel(cancelled)


def _joined(
    done: Done, read: list[Effect], changes: dict[str, TypedValue | None], protocol: str, *, cancels: bool
) -> Done:
    """*done* with the effects that were *read*, in the order that they have in *done*, and with *changes*.

    Without *cancels* the protocol has no cancellations, so those of *done* are taken.
    """
    waiting: dict[type, Iterator[Effect]] = {}
    for kinds in ((Send,), (SendAfter, Cancel), (Egress,)):
        of_kind = iter([effect for effect in read if isinstance(effect, kinds)])
        waiting |= dict.fromkeys(kinds, of_kind)
    if not cancels:
        waiting[Cancel] = iter(kept := [effect for effect in done.effects if isinstance(effect, Cancel)])
        read = [*read, *kept]
    effects: list[Effect] = []
    for effect in done.effects:
        found = next(waiting[type(effect)], None)
        if found is None:
            continue
        effects.append(_with_unsent(found, effect))
    if effects != [*done.effects] or len(read) != len(effects) or changes != done.changes:
        raise AssertionError(
            f"the {protocol} wire does not carry an outcome: expected {list(done.effects)} and {dict(done.changes)}, "
            f"got {read} and {changes}. This is a bug of statefun-actors: report it, and go on with Faults(wires=False)"
        )
    return Done(effects, changes, done.failures, done.marks)


def _with_unsent(read: Effect, effect: Effect) -> Effect:
    """*read*, with what *effect* has and the reply leaves out."""
    if isinstance(read, Send) and isinstance(effect, Send):
        return replace(read, headers=effect.headers, drawn=effect.drawn)
    if isinstance(effect, Cancel) or effect.headers is None:
        return read
    return replace(read, headers=effect.headers)


def _native(value: TypedValue, expected: TypedValue | None, convert: Callable[[TypedValue], TypedValue]) -> TypedValue:
    """*expected*, if 2.x writes it as *value*; else *value*."""
    return expected if expected is not None and convert(expected) == value else value


def _address(message: v3_pb2.Address | v2_pb2.Address) -> Address:
    return _known_address(message.namespace, message.type, message.id)


@functools.lru_cache(maxsize=4_096)
def _known_address(namespace: str, name: str, id: str) -> Address:
    return Address(f"{namespace}/{name}", id)


def _typed(value: v3_pb2.TypedValue) -> TypedValue:
    return TypedValue(value.typename, value.value)


def _unpacked(value: Any) -> TypedValue:
    return TypedValue(value.type_url, value.value)


def _packed(data: bytes) -> TypedValue:
    return _unpacked(Any.FromString(data))
