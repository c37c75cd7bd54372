"""What the documentation of the 2.0 Python SDK shows of functions and messages, over both wires, bytes to bytes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any as Untyped
from typing import Union

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration as User  # these three stand for an application's own messages
from google.protobuf.field_mask_pb2 import FieldMask as Greeting
from google.protobuf.timestamp_pb2 import Timestamp as Admin

from statefun_actors import (
    Address,
    Context,
    NoCallerError,
    RequestReplyHandler,
    StatefulFunctions,
    UnhandledMessageError,
    kafka_record,
    kinesis_record,
)
from statefun_actors.model import Batch, Cancel, Egress, Invocation, Send, SendAfter, TypedValue
from statefun_actors.types import pack
from statefun_actors.wire import V2, V3, Dialect
from tests.endpoint.documentation_2_0 import ADA, ADMIN, CALLER, USER, any_of, both, bound, expected, handled
from tests.wire.reference import GOOGLE, KAFKA, KINESIS, in_2x, request


@both
def test_hello_world_unpacks_what_comes_as_an_any(dialect: Dialect) -> None:
    seen: list[object] = []

    def hello_function(context: Context, message: Untyped) -> None:
        user = User()
        assert message.Is(User.DESCRIPTOR)
        message.Unpack(user)
        seen.append(user)

    del hello_function.__annotations__["message"]
    assert handled(dialect, bound(hello_function), USER) == expected(dialect)
    assert seen == [USER]


@both
def test_a_type_hint_unpacks(dialect: Dialect) -> None:
    seen: list[object] = []

    def hello_function(context: Context, message: User) -> None:
        seen.append(message)

    handled(dialect, bound(hello_function), USER)
    assert seen == [USER]


def union(context: Context, message: Union[User, Admin]) -> None:  # noqa: UP007 - as the documentation writes it
    context.pack_and_reply(message)


def modern_union(context: Context, message: User | Admin) -> None:
    context.pack_and_reply(message)


@both
@pytest.mark.parametrize("function", [union, modern_union])
def test_a_union_of_hints_takes_each_and_nothing_else(dialect: Dialect, function: Untyped) -> None:
    assert handled(dialect, bound(function), USER, ADMIN) == expected(
        dialect, Send(CALLER, pack(USER)), Send(CALLER, pack(ADMIN))
    )
    with pytest.raises(UnhandledMessageError):
        handled(dialect, bound(function), Greeting(paths=["a"]))


@both
def test_a_hint_of_any_is_no_hint(dialect: Dialect) -> None:
    def function(context: Context, message: Any) -> None:
        context.reply(message)

    assert handled(dialect, bound(function), USER) == expected(dialect, Send(CALLER, pack(USER)))


@both
def test_a_function_can_be_registered_by_hand(dialect: Dialect) -> None:
    functions = StatefulFunctions()
    functions.register("example/fn", modern_union)

    assert handled(dialect, functions, USER) == expected(dialect, Send(CALLER, pack(USER)))


@both
def test_the_decorator_leaves_the_function_as_it_is(dialect: Dialect) -> None:
    functions = StatefulFunctions()

    assert functions.bind("example/fn")(modern_union) is modern_union


@both
def test_the_result_of_a_function_is_ignored(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> object:
        return "nothing to anybody"

    assert handled(dialect, bound(function), USER) == expected(dialect)


@both
def test_the_context_knows_its_address_and_its_caller(dialect: Dialect) -> None:
    seen: list[object] = []

    def function(context: Context, message: User) -> None:
        address = context.address
        seen.append((address.namespace, address.type, address.identity, context.caller))

    functions = bound(function)
    handled(dialect, functions, USER)
    handled(dialect, functions, USER, caller=None)

    assert seen == [("example", "fn", "ada", CALLER), ("example", "fn", "ada", None)]


@both
def test_send_and_pack_and_send(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        context.send("example/hello", "a", any_of(message))
        context.pack_and_send("example/hello", "b", message)

    assert handled(dialect, bound(function), USER) == expected(
        dialect, Send(Address("example/hello", "a"), pack(USER)), Send(Address("example/hello", "b"), pack(USER))
    )


@both
def test_reply_and_pack_and_reply(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        context.reply(any_of(message))
        context.pack_and_reply(ADMIN)

    assert handled(dialect, bound(function), USER) == expected(
        dialect, Send(CALLER, pack(USER)), Send(CALLER, pack(ADMIN))
    )
    with pytest.raises(NoCallerError):
        handled(dialect, bound(function), USER, caller=None)


@both
def test_delayed_messages_also_to_oneself(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        address = context.address
        context.send_after(timedelta(days=1), address.typename, address.identity, any_of(message))
        context.pack_and_send_after(timedelta(milliseconds=5), "example/hello", "b", message)
        context.pack_and_send_after(timedelta(0), "example/hello", "c", message)

    assert handled(dialect, bound(function), USER) == expected(
        dialect,
        SendAfter(ADA, pack(USER), 86_400_000),
        SendAfter(Address("example/hello", "b"), pack(USER), 5),
        Send(Address("example/hello", "c"), pack(USER)),
    )


@both
def test_delayed_messages_with_a_token_and_their_cancellation(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        context.pack_and_send_after(timedelta(seconds=1), "example/hello", "b", message, cancellation_token="later")
        context.cancel("later")

    token = SendAfter(Address("example/hello", "b"), pack(USER), 1000, "later")
    assert handled(dialect, bound(function), USER) == expected(dialect, token, Cancel("later"))


@both
def test_egress_records(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        context.pack_and_send_egress("example/out", kafka_record(topic="t", key="k", value=message))
        context.pack_and_send_egress("example/out", kinesis_record(stream="s", partition_key="p", value="text"))
        context.pack_and_send_egress("example/out", message)
        context.send_egress("example/out", any_of(message))

    data = USER.SerializeToString()
    kafka = TypedValue(KAFKA, b"\n\x01k\x12" + bytes([len(data)]) + data + b"\x1a\x01t")
    kinesis = TypedValue(KINESIS, b"\n\x01p\x12\x04text\x1a\x01s")
    assert handled(dialect, bound(function), USER) == expected(
        dialect,
        Egress("example/out", kafka),
        Egress("example/out", kinesis),
        Egress("example/out", pack(USER)),
        Egress("example/out", pack(USER)),
    )


@both
def test_a_failed_message_fails_the_batch_with_its_own_error(dialect: Dialect) -> None:
    def function(context: Context, message: User) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        handled(dialect, bound(function), USER)


@both
def test_primitives_arrive_and_leave_in_the_protocol_s_own_way(dialect: Dialect) -> None:
    def function(context: Context, message: int | str | float | bool) -> None:  # noqa: PYI041 - four types on the wire
        context.pack_and_reply(message)

    handler = RequestReplyHandler(bound(function), protocol=3 if dialect is V3 else 2)
    values = [pack(value) for value in (7, "seven", 7.5, True)]
    came = values if dialect is V3 else [in_2x(value) for value in values]
    batch = Batch(ADA, {}, [Invocation(value, CALLER) for value in came])

    assert handler(request(dialect, batch)) == expected(dialect, *(Send(CALLER, value) for value in values))
    if dialect is V2:
        assert all(value.typename.startswith(GOOGLE + "google.protobuf.") for value in came)


@both
async def test_async_functions_too(dialect: Dialect) -> None:
    async def function(context: Context, message: User) -> None:
        context.pack_and_reply(message)

    handler = RequestReplyHandler(bound(function), protocol=3 if dialect is V3 else 2)
    data = request(dialect, Batch(ADA, {}, [Invocation(pack(USER), CALLER)]))

    assert await handler.handle(data) == expected(dialect, Send(CALLER, pack(USER)))
