"""Headers in replies of 3.x: metadata of messages, and headers of Kafka records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.model import Cancel, Done, Effect, Egress, Headers, MissingState, Send, SendAfter, TypedValue
from statefun_actors.wire import V2, V3, v3_pb2
from tests.wire import strategies
from tests.wire.reference import KAFKA, KINESIS, reply

ADA = Address("bank/account", "ada")
DEPOSIT = TypedValue("bank/deposit", b"5")
TRACE = {"traceparent": "00-1-2-01", "tracestate": ""}

headers = st.none() | st.dictionaries(strategies.texts, strategies.texts, max_size=2) | st.just(TRACE)
outcomes = st.builds(
    lambda done, each: Done([with_headers(*pair) for pair in zip(done.effects, each, strict=False)], done.changes),
    strategies.done,
    st.lists(headers, min_size=6, max_size=6),
)


def with_headers(effect: Effect, headers: Headers | None) -> Effect:
    return effect if isinstance(effect, Cancel) else replace(effect, headers=headers)


def written(outcome: Done | MissingState, token_prefix: str | None = None) -> bytes:
    assert V3.write_headers is not None
    return V3.write_headers(outcome, token_prefix)


def result(*effects: Effect) -> v3_pb2.FromFunction.InvocationResponse:
    return v3_pb2.FromFunction.FromString(written(Done(effects, {}))).invocation_result


@given(outcome=outcomes, token_prefix=st.none() | st.just("bank/account"))
def test_headers_are_written_as_protobuf_would_write_them(outcome: Done, token_prefix: str | None) -> None:
    for _ in range(2):  # the second time, the pieces are known
        assert written(outcome, token_prefix) == reply(V3, outcome, token_prefix).SerializeToString()


@given(outcome=outcomes, token_prefix=st.none() | st.just("bank/account"))
def test_what_has_no_headers_is_written_the_same_by_both(outcome: Done, token_prefix: str | None) -> None:
    bare = Done([with_headers(effect, None) for effect in outcome.effects], outcome.changes)

    assert written(bare, token_prefix) == V3.write(bare, token_prefix) == V3.write(outcome, token_prefix)


@given(outcome=strategies.missing)
def test_missing_states_are_written_the_same_by_both(outcome: MissingState) -> None:
    assert written(outcome) == V3.write(outcome, None)


def test_2x_has_no_place_for_headers() -> None:
    assert V2.write_headers is None


def test_messages_have_metadata_and_kafka_records_have_headers() -> None:
    record = v3_pb2.KafkaProducerRecord(key="k", value_bytes=b"v", topic="t").SerializeToString()
    found = result(
        Send(ADA, DEPOSIT, TRACE),
        SendAfter(ADA, DEPOSIT, 5, "token", TRACE),
        Egress("bank/out", TypedValue(KAFKA, record), TRACE),
    )

    metadata = [
        v3_pb2.TypedValue.Metadata(key="traceparent", value=b"00-1-2-01", has_value=True),
        v3_pb2.TypedValue.Metadata(key="tracestate", has_value=True),
    ]
    deposit = v3_pb2.TypedValue(typename="bank/deposit", value=b"5", has_value=True, metadata=metadata)
    assert [each.argument for each in found.outgoing_messages] == [deposit]
    assert [(each.argument, each.cancellation_token) for each in found.delayed_invocations] == [(deposit, "token")]
    [egress] = found.outgoing_egresses
    assert list(egress.argument.metadata) == []
    read = v3_pb2.KafkaProducerRecord.FromString(egress.argument.value)
    assert (read.key, read.value_bytes, read.topic) == ("k", b"v", "t")
    assert [(each.key, each.value, each.has_value) for each in read.headers] == [
        ("traceparent", b"00-1-2-01", True),
        ("tracestate", b"", True),
    ]


@pytest.mark.parametrize("typename", [KINESIS, "bank/receipt"])
def test_records_of_other_egresses_have_no_headers(typename: str) -> None:
    [egress] = result(Egress("bank/out", TypedValue(typename, b"x"), TRACE)).outgoing_egresses

    assert egress.argument == v3_pb2.TypedValue(typename=typename, value=b"x", has_value=True)


def test_a_header_that_is_not_unicode_text_is_left_out_alone() -> None:
    [sent] = result(Send(ADA, DEPOSIT, {"a\ud800": "1", "b": "\udfff", "c": "3"})).outgoing_messages

    assert [(each.key, each.value) for each in sent.argument.metadata] == [("c", b"3")]


@given(headers=st.dictionaries(strategies.texts, strategies.texts, max_size=4))
def test_what_is_written_is_read_again(headers: dict[str, str]) -> None:
    [sent] = result(Send(ADA, DEPOSIT, headers)).outgoing_messages
    request = v3_pb2.ToFunction()
    request.invocation.target.CopyFrom(sent.target)
    request.invocation.invocations.add(argument=sent.argument)

    [invocation] = V3.read(request.SerializeToString()).invocations

    assert invocation.headers == (headers or None)
