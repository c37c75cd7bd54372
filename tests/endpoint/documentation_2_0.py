"""Values and functions of the documentation of the 2.0 Python SDK, over both wires."""

from __future__ import annotations

from typing import Any as Untyped

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration as User  # these three stand for an application's own messages
from google.protobuf.timestamp_pb2 import Timestamp as Admin

from statefun_actors import Address, RequestReplyHandler, StatefulFunctions
from statefun_actors.model import Batch, Done, Invocation, TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import V3, Dialect
from tests.wire.reference import BOTH, reply, request

ADA, CALLER = Address("example/fn", "ada"), Address("example/caller", "bob")
USER, ADMIN = User(seconds=1), Admin(seconds=2)
both = pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.protocol)


def any_of(message: Untyped) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed


def bound(function: Untyped) -> StatefulFunctions:
    functions = StatefulFunctions()
    functions.bind("example/fn")(function)
    return functions


def handled(
    dialect: Dialect,
    functions: StatefulFunctions,
    *messages: object,
    state: dict[str, TypedValue | None] | None = None,
    caller: Address | None = CALLER,
) -> bytes:
    """The reply to a batch of *messages*."""
    handler = RequestReplyHandler(functions, protocol=3 if dialect is V3 else 2)
    invocations = [Invocation(pack(message), caller) for message in messages]
    return handler(request(dialect, Batch(ADA, state or {}, invocations)))


def expected(dialect: Dialect, *effects: Untyped, **changes: TypedValue | None) -> bytes:
    return reply(dialect, Done(effects, changes)).SerializeToString()
