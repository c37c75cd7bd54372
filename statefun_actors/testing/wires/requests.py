"""The requests that Flink would send: a Batch to the bytes of a ``ToFunction``, in each protocol."""

from __future__ import annotations

import functools
from typing import Final

from google.protobuf.any_pb2 import Any
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.dispatch import ServedFunction
from statefun_actors.model import Batch, TypedValue
from statefun_actors.wire import in_2x, state_in_2x, v2_pb2, v3_pb2

_ADDRESSES: Final = 4_096


def request_3x(batch: Batch) -> bytes:
    """The request of protocol 3.x for *batch*.

    Raises:
        UnicodeEncodeError: a name or an id is not Unicode text.
    """
    message = v3_pb2.ToFunction()
    content = message.invocation
    content.target.CopyFrom(_address_3x(batch.target))
    for name, value in batch.state.items():
        content.state.add(state_name=name, state_value=None if value is None else _typed(value))
    for invocation in batch.invocations:
        caller = invocation.caller
        added = content.invocations.add(
            argument=_typed(invocation.argument), caller=None if caller is None else _address_3x(caller)
        )
        for name, text in (invocation.headers or {}).items():
            added.argument.metadata.add(key=name, value=text.encode(), has_value=True)
    return message.SerializeToString()


def batch_in_2x(batch: Batch, served: ServedFunction) -> Batch:
    """*batch*, of the function *served*, with the values that 2.x has: primitives are in protobuf's wrappers.

    A message that its handler would see as it is (as an Any, or in a dead letter) is not converted.
    """
    state = {name: None if value is None else state_in_2x(value) for name, value in batch.state.items()}
    invocations = []
    for invocation in batch.invocations:
        converted = in_2x(invocation.argument)
        handler = served.handlers.get(converted.typename)
        hidden = handler is not None and handler.codec is not None and handler.policy is None
        invocations.append(replace(invocation, argument=converted) if hidden else invocation)
    return Batch(batch.target, state, invocations)


def request_2x(batch: Batch) -> bytes:
    """The request of protocol 2.x for *batch*, with its values as they are: see :func:`batch_in_2x`.

    Raises:
        UnicodeEncodeError: a name or an id is not Unicode text.
    """
    message = v2_pb2.ToFunction()
    content = message.invocation
    content.target.CopyFrom(_address_2x(batch.target))
    for name, value in batch.state.items():
        content.state.add(state_name=name, state_value=b"" if value is None else _any(value).SerializeToString())
    for invocation in batch.invocations:
        argument, caller = invocation.argument, invocation.caller
        added = content.invocations.add(caller=None if caller is None else _address_2x(caller))
        added.argument.type_url, added.argument.value = argument.typename, argument.value
    return message.SerializeToString()


@functools.lru_cache(maxsize=_ADDRESSES)
def _address_3x(address: Address) -> v3_pb2.Address:
    return v3_pb2.Address(namespace=address.namespace, type=address.name, id=address.id)


@functools.lru_cache(maxsize=_ADDRESSES)
def _address_2x(address: Address) -> v2_pb2.Address:
    return v2_pb2.Address(namespace=address.namespace, type=address.name, id=address.id)


def _typed(value: TypedValue) -> v3_pb2.TypedValue:
    return v3_pb2.TypedValue(typename=value.typename, has_value=True, value=value.value)


def _any(value: TypedValue) -> Any:
    return Any(type_url=value.typename, value=value.value)
