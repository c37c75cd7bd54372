"""Mistakes in programs of Apache's SDKs: each error says what is expected, what it got and what to do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import UninterpretedOption
from google.protobuf.message import EncodeError
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors import Address
from statefun_actors.compat import statefun2, statefun3
from statefun_actors.compat.statefun3 import IntType, ValueSpec, message_builder, typed_value
from statefun_actors.compat.statefun3.statefun_builder import BindingError
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V2, v2_pb2
from tests.wire.reference import request


def test_a_wrong_declaration_names_all_problems() -> None:
    functions = statefun3.StatefulFunctions()

    with pytest.raises(BindingError) as raised:
        functions.register("greeter", lambda message: None, timeout=-1, retries=3)  # type: ignore[call-arg]

    assert str(raised.value).splitlines()[1:] == [
        "  - unknown option 'retries'; expected one of: on_failure, blocking, timeout, internal, concurrency",
        "  - typename= is <namespace>/<name>: got 'greeter'. Write <namespace>/<name>, such as 'bank/account'.",
        "  - timeout= is a timedelta or seconds, more than zero and at most ten years; got -1",
        "  - a stateful function takes two parameters: `def greet(context, message)`",
    ]


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (
            lambda: ValueSpec("Seen", IntType),
            "a state's name is a lower-case identifier and no Python keyword, got 'Seen'",
        ),
        (
            lambda: ValueSpec("seen", int),  # type: ignore[arg-type]
            "the state seen needs a Type such as IntType or make_json_type(...), got <class 'int'>",
        ),
        (
            lambda: ValueSpec("seen", IntType, timedelta(1), timedelta(1)),
            "the state seen has expire_after_call= and expire_after_write=; keep one of them",
        ),
        (
            lambda: message_builder("a/b", "1", int_value=1, str_value="x"),
            "expected one value, as int_value=, float_value=, long_value=, str_value=, double_value=, bool_value=, "
            "or value= with value_type=; got int_value, str_value",
        ),
        (
            lambda: message_builder("a/b", "1", value=1),
            "expected value= together with value_type=, got value",
        ),
        (lambda: message_builder("a/b", "", int_value=1), "expected the id of a target of a/b, got none"),
        (
            lambda: typed_value(statefun3.simple_type("a/text", str, str), 1),  # type: ignore[arg-type]
            "expected bytes from the serializer of a/text, got str; encode a str: text.encode()",
        ),
        (
            lambda: statefun3.kafka_egress_message("a/b", topic="t", value=[]),
            "expected str, bytes, int or float, or value_type=, for the egress a/b; got list",
        ),
        (
            lambda: statefun3.kafka_egress_message("a/b", "t", 1, statefun3.simple_type("a/text", str, str)),  # type: ignore[arg-type]
            "expected bytes from the serializer of a/text, got str; encode a str: text.encode()",
        ),
        (
            lambda: statefun3.kinesis_egress_message("a/b", "s", 1, "p", statefun3.simple_type("a/text", str, str)),  # type: ignore[arg-type]
            "expected bytes from the serializer of a/text, got str; encode a str: text.encode()",
        ),
        (
            lambda: statefun3.kafka_egress_message("a/b", "t", typed_value(IntType, 3)),
            "expected str, bytes, int or float, or value_type=, for the egress a/b; got TypedValue",
        ),
        (
            lambda: statefun2.kafka_egress_record("", Timestamp()),
            "expected a topic for the record, got ''",
        ),
    ],
)
def test_a_mistake_is_explained(made: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        made()

    assert str(raised.value) == error


def test_a_message_that_cannot_be_packed_leaves_the_state_as_it_was() -> None:
    functions = statefun2.StatefulFunctions()

    @functions.bind("demo/greeter")
    def greet(context: Any, _: Timestamp) -> None:
        state = context.state("seen")
        state.pack(Timestamp(seconds=5))
        with pytest.raises(EncodeError):
            state.pack(UninterpretedOption.NamePart())  # without its required fields
        assert state.modified
        assert not state.deleted
        assert state.unpack(Timestamp) == Timestamp(seconds=5)

    batch = Batch(Address("demo/greeter", "a"), {"seen": None}, [Invocation(pack(Timestamp()))])
    reply = v2_pb2.FromFunction.FromString(statefun2.RequestReplyHandler(functions)(request(V2, batch)))

    [mutation] = reply.invocation_result.state_mutations
    held = AnyMessage.FromString(mutation.state_value)
    assert (held.type_url, held.value) == (pack(Timestamp(seconds=5)).typename, b"\x08\x05")
