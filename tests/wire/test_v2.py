"""The forms of 2.x: Anys inside bytes, wrappers for primitives, no tokens."""

from __future__ import annotations

import struct

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import (
    BoolValue,
    BytesValue,
    DoubleValue,
    FloatValue,
    Int32Value,
    Int64Value,
    StringValue,
)

from statefun_actors.address import Address
from statefun_actors.model import (
    UNREADABLE,
    Batch,
    Cancel,
    Done,
    Effect,
    Egress,
    Invocation,
    MissingState,
    Send,
    SendAfter,
    StateSpec,
    TypedValue,
)
from statefun_actors.wire import V2, v2_pb2, v3_pb2
from tests.wire.reference import KAFKA, KINESIS, request, unpacked

ADA = Address("bank/account", "ada")
REMIND = TypedValue("bank/remind", b"{}")


def state_read_from(data: bytes) -> TypedValue | None:
    message = v2_pb2.ToFunction.FromString(request(V2, Batch(ADA, {"balance": None}, [Invocation(REMIND)])))
    message.invocation.state[0].state_value = data
    return V2.read(message.SerializeToString()).state["balance"]


def written(value: TypedValue) -> list[TypedValue]:
    """*value* as the Any that it becomes, from each of the four places in a reply where a value can be."""
    effects: list[Effect] = [Send(ADA, value), SendAfter(ADA, value, 5), Egress("bank/out", value)]
    reply = v2_pb2.FromFunction.FromString(V2.write(Done(effects, {"x": value}), token_prefix=None)).invocation_result
    return [
        unpacked(reply.state_mutations[0].state_value),
        unpacked(reply.outgoing_messages[0].argument.SerializeToString()),
        unpacked(reply.delayed_invocations[0].argument.SerializeToString()),
        unpacked(reply.outgoing_egresses[0].argument.SerializeToString()),
    ]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("io.statefun.types/bool", b"\x08\x01", BoolValue(value=True)),
        ("io.statefun.types/bool", b"", BoolValue()),
        *(
            ("io.statefun.types/int", b"\x0d" + struct.pack("<i", number), Int32Value(value=number))
            for number in (1, 300, -1, 2**31 - 1, -(2**31))
        ),
        ("io.statefun.types/int", b"", Int32Value()),
        *(
            ("io.statefun.types/long", b"\x09" + struct.pack("<q", number), Int64Value(value=number))
            for number in (1, 300, -1, 2**63 - 1, -(2**63))
        ),
        ("io.statefun.types/long", b"", Int64Value()),
        ("io.statefun.types/long", b"\x09" + bytes(8), Int64Value()),
        ("io.statefun.types/float", b"\x0d" + struct.pack("<f", 0.5), FloatValue(value=0.5)),
        ("io.statefun.types/double", b"\x09" + struct.pack("<d", 0.1), DoubleValue(value=0.1)),
        ("io.statefun.types/string", b"\x0a\x03\xc3\xa4b", StringValue(value="äb")),
        ("io.statefun.types/string", b"", StringValue()),
        ("statefun-actors/bytes", b"\x00\xff", BytesValue(value=b"\x00\xff")),
        ("statefun-actors/bytes", b"", BytesValue()),
        ("statefun-actors/bytes", bytes(300), BytesValue(value=bytes(300))),
    ],
)
def test_a_primitive_travels_in_the_wrapper_that_protobuf_has_for_it(name: str, data: bytes, expected: Message) -> None:
    packed = Any()
    packed.Pack(expected)

    assert written(TypedValue(name, data)) == [TypedValue(packed.type_url, packed.value)] * 4


def test_minus_zero_stays_minus_zero() -> None:
    data = b"\x0d" + struct.pack("<f", -0.0)

    assert written(TypedValue("io.statefun.types/float", data))[0].value == data


@pytest.mark.parametrize("name", ["io.statefun.types/int", "io.statefun.types/long"])
def test_bytes_that_are_no_such_primitive_travel_as_they_are(name: str) -> None:
    assert written(TypedValue(name, b"\x0d\x01")) == [TypedValue(name, b"\x0d\x01")] * 4


def test_a_primitive_with_unknown_fields_is_converted_all_the_same() -> None:
    value = v3_pb2.LongWrapper(value=7).SerializeToString() + b"\x22\x01x"

    assert written(TypedValue("io.statefun.types/long", value))[0].value == b"\x08\x07"


@pytest.mark.parametrize(
    ("name", "record", "expected"),
    [
        (
            KAFKA,
            v3_pb2.KafkaProducerRecord(key="k", value_bytes=b"v", topic="t"),
            v2_pb2.KafkaProducerRecord(key="k", value_bytes=b"v", topic="t"),
        ),
        (
            KINESIS,
            v3_pb2.KinesisEgressRecord(partition_key="p", value_bytes=b"v", stream="s", explicit_hash_key="h"),
            v2_pb2.KinesisEgressRecord(partition_key="p", value_bytes=b"v", stream="s", explicit_hash_key="h"),
        ),
    ],
)
def test_a_record_travels_under_its_2x_name(name: str, record: Message, expected: Message) -> None:
    packed = Any()
    packed.Pack(expected)

    assert written(TypedValue(name, record.SerializeToString())) == [TypedValue(packed.type_url, packed.value)] * 4


ANY = "type.googleapis.com/google.protobuf.Any"


def test_a_state_declared_as_any_is_the_any_itself_unless_it_would_be_read_back_as_another() -> None:
    def state_written(held: Any) -> tuple[str, bytes]:
        outcome = Done([], {"s": TypedValue(ANY, held.SerializeToString())})
        reply = v2_pb2.FromFunction.FromString(V2.write(outcome, None))
        written = Any.FromString(reply.invocation_result.state_mutations[0].state_value)
        return written.type_url, written.value

    number, around = Any(), Any()
    number.Pack(Int64Value(value=7))
    around.Pack(number)

    assert state_written(number) == (number.type_url, number.value)
    assert state_written(Any(type_url="bank/deposit", value=b"{}")) == ("bank/deposit", b"{}")
    for primitive in ("io.statefun.types/bool", "io.statefun.types/long"):  # which a message would carry otherwise
        assert state_written(Any(type_url=primitive, value=b"\x08\x01")) == (primitive, b"\x08\x01")
    for held in (around, Any(), Any(value=b"x")):
        assert state_written(held) == (ANY, held.SerializeToString())


def test_values_that_fit_are_not_converted() -> None:
    packed = Any()
    packed.Pack(Int64Value(value=7))

    assert state_read_from(packed.SerializeToString()) == TypedValue(packed.type_url, packed.value)


def test_empty_state_is_absent() -> None:
    assert state_read_from(b"") is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff", id="no protobuf"),
        pytest.param(b"\x0a\x05ab", id="cut short"),
        pytest.param(b"\x0a\x01\xff", id="no UTF-8"),
        pytest.param(b"\x12\x01x", id="no type URL"),
        pytest.param(b"\x1a\x01x", id="another message"),
    ],
)
def test_state_that_is_no_any_is_kept_under_a_typename_that_nothing_reads(data: bytes) -> None:
    assert state_read_from(data) == TypedValue(UNREADABLE, data)


def test_tokens_and_cancellations_are_dropped() -> None:
    outcome = Done([Cancel("t"), SendAfter(ADA, REMIND, 5, "t")], {})

    for token_prefix in (None, "bank/account"):
        plain = Done([SendAfter(ADA, REMIND, 5)], {})
        assert V2.write(outcome, token_prefix=token_prefix) == V2.write(plain, token_prefix=token_prefix)


def test_a_host_can_detect_dropped_effects() -> None:
    assert V2.drops(Done([Send(ADA, REMIND), Cancel("t")], {}))
    assert V2.drops(Done([SendAfter(ADA, REMIND, 5, "t")], {}))
    assert not V2.drops(Done([Send(ADA, REMIND), SendAfter(ADA, REMIND, 5)], {"x": None}))


def test_missing_states_cannot_be_asked_for() -> None:
    with pytest.raises(TypeError) as raised:
        V2.write(MissingState([StateSpec("a", "x/y"), StateSpec("b", "x/y")]), token_prefix=None)

    assert str(raised.value) == (
        "protocol 2.x can't request states (a, b): fail the batch with a MissingStateError instead"
    )
