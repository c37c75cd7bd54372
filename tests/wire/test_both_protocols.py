"""The common part of both protocols: each test runs over 3.x and 2.x."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statefun_actors.address import Address
from statefun_actors.model import (
    Batch,
    Done,
    Effect,
    Egress,
    Invocation,
    MessageFailure,
    Send,
    SendAfter,
    Settlement,
    TypedValue,
)
from statefun_actors.wire import Dialect
from tests.wire import strategies
from tests.wire.reference import BOTH, KAFKA, new_request, parsed, reply, request

ADA = Address("bank/account", "ada")
BOB = Address("bank/account", "bob")
DEPOSIT = TypedValue("type.googleapis.com/bank.Deposit", b"\x08\x05")
RECORD = TypedValue(KAFKA, b"\x0a\x01k\x12\x01v\x1a\x01t")

both = pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.protocol)


@both
@given(batch=strategies.batches)
def test_a_batch_that_flink_sends_is_read_as_it_is(dialect: Dialect, batch: Batch) -> None:
    assert dialect.read(request(dialect, batch)) == batch


@both
@given(outcome=strategies.done, token_prefix=st.none() | strategies.typenames)
def test_a_reply_is_byte_for_byte_what_protobuf_would_write(
    dialect: Dialect, outcome: Done, token_prefix: str | None
) -> None:
    assert (
        dialect.write(outcome, token_prefix=token_prefix) == reply(dialect, outcome, token_prefix).SerializeToString()
    )


@both
def test_ten_thousand_invocations_are_one_batch(dialect: Dialect) -> None:
    invocations = [
        Invocation(TypedValue("bank/deposit", str(number).encode()), Address("bank/user", str(number)))
        for number in range(10_000)
    ]
    batch = Batch(ADA, {}, invocations)

    assert dialect.read(request(dialect, batch)) == batch


@both
def test_ten_thousand_effects_are_one_reply(dialect: Dialect) -> None:
    effects: list[Effect] = []
    for number in range(5_000):
        value = TypedValue(f"bank/type{number}", bytes(number))
        effects += (Send(Address(f"bank/user{number}", "x" * (1 + number % 300)), value), Egress("bank/out", value))
    outcome = Done(effects, {})

    written = dialect.write(outcome, token_prefix=None)

    assert written == reply(dialect, outcome).SerializeToString()
    assert written == dialect.write(outcome, token_prefix=None)


@both
@pytest.mark.parametrize("size", [0, 1, 127, 128, 2_040, 2_047, 2_048, 16_383, 16_384, 70_000])
def test_the_length_of_a_value_does_not_matter(dialect: Dialect, size: int) -> None:
    value = TypedValue("bank/blob", bytes(size))
    outcome = Done([Send(ADA, value), SendAfter(BOB, value, 1), Egress("bank/out", value)], {"blob": value})

    assert dialect.write(outcome, token_prefix=None) == reply(dialect, outcome).SerializeToString()


@both
def test_a_reply_without_effects_still_says_that_the_batch_has_run(dialect: Dialect) -> None:
    message = parsed(dialect, dialect.write(Done([], {}), token_prefix=None))

    assert message.WhichOneof("response") == "invocation_result"
    assert message.ByteSize() == 3


@both
def test_effects_keep_their_order_inside_each_list(dialect: Dialect) -> None:
    effects: list[Effect] = []
    for id in "abc":
        effects += (
            Send(Address("bank/user", id), DEPOSIT),
            Egress(f"bank/{id}", RECORD),
            SendAfter(Address("bank/later", id), DEPOSIT, 5),
        )

    result = parsed(dialect, dialect.write(Done(effects, {}), token_prefix=None)).invocation_result

    assert [message.target.id for message in result.outgoing_messages] == ["a", "b", "c"]
    assert [message.target.id for message in result.delayed_invocations] == ["a", "b", "c"]
    assert [message.egress_type for message in result.outgoing_egresses] == ["a", "b", "c"]


@both
def test_changes_are_written_in_their_order_and_none_deletes(dialect: Dialect) -> None:
    changes = {"z": DEPOSIT, "a": None, "m": DEPOSIT}

    result = parsed(dialect, dialect.write(Done([], changes), token_prefix=None)).invocation_result

    assert [(mutation.state_name, mutation.mutation_type) for mutation in result.state_mutations] == [
        ("z", 1),
        ("a", 0),
        ("m", 1),
    ]
    assert not result.state_mutations[1].ByteSize() > len("a") + 2


@both
def test_a_typename_is_split_at_its_last_slash(dialect: Dialect) -> None:
    effects: list[Effect] = [
        Send(Address("com/example/bank/account", "a/b"), DEPOSIT),
        Egress("com/example/out", RECORD),
    ]

    result = parsed(dialect, dialect.write(Done(effects, {}), token_prefix=None)).invocation_result

    target, egress = result.outgoing_messages[0].target, result.outgoing_egresses[0]
    assert (target.namespace, target.type, target.id) == ("com/example/bank", "account", "a/b")
    assert (egress.egress_namespace, egress.egress_type) == ("com/example", "out")


@both
def test_messages_settled_by_a_policy_do_not_fail_the_request(dialect: Dialect) -> None:
    settled = Done([], {}, [MessageFailure(0, ValueError("no"), Settlement.DISCARDED, 1)], [0])

    assert dialect.write(settled, token_prefix=None) == dialect.write(Done([], {}), token_prefix=None)


@both
def test_an_address_without_parts_is_no_caller(dialect: Dialect) -> None:
    message = new_request(dialect)
    message.ParseFromString(request(dialect, Batch(ADA, {}, [Invocation(DEPOSIT)])))
    message.invocation.invocations[0].caller.id = ""
    assert message.invocation.invocations[0].HasField("caller")

    assert dialect.read(message.SerializeToString()).invocations[0].caller is None


@both
@pytest.mark.parametrize(
    "written_out", [b"\x0a\x00", b"\x0a\x06\x0a\x00\x12\x00\x1a\x00"], ids=["empty", "empty parts"]
)
def test_an_address_whose_parts_are_written_out_as_empty_is_no_caller(dialect: Dialect, written_out: bytes) -> None:
    plain = request(dialect, Batch(ADA, {}, [Invocation(DEPOSIT)]))
    argument = plain[plain.index(b"\x1a", plain.index(b"ada")) + 2 :]

    target = b"\x0a\x14\x0a\x04bank\x12\x07account\x1a\x03ada"
    batch = target + b"\x1a" + bytes([len(written_out + argument)]) + written_out + argument
    data = b"\xa2\x06" + bytes([len(batch)]) + batch

    assert dialect.read(data) == Batch(ADA, {}, [Invocation(DEPOSIT)])


@both
def test_fields_that_the_protocol_does_not_know_are_ignored(dialect: Dialect) -> None:
    batch = Batch(ADA, {"balance": DEPOSIT}, [Invocation(DEPOSIT, BOB), Invocation(DEPOSIT)])
    message = new_request(dialect)
    message.ParseFromString(request(dialect, batch))
    newer = b"\x22\x03\x0a\x01h" + b"\xa8\x06\x01"  # 4: a message, 101: a number
    for part in (
        message,
        message.invocation,
        message.invocation.target,
        message.invocation.state[0],
        *message.invocation.invocations,
        *(invocation.argument for invocation in message.invocation.invocations),
        message.invocation.invocations[0].caller,
    ):
        part.MergeFromString(newer)

    assert dialect.read(message.SerializeToString()) == batch


@both
def test_a_value_without_a_typename_goes_to_the_handler_of_any(dialect: Dialect) -> None:
    batch = Batch(ADA, {}, [Invocation(TypedValue("", b"x")), Invocation(TypedValue("", b""))])

    assert dialect.read(request(dialect, batch)) == batch


@both
@pytest.mark.parametrize("delay_ms", [-1, 1 << 63])
def test_a_delay_that_flink_cannot_hold_is_refused(dialect: Dialect, delay_ms: int) -> None:
    with pytest.raises(ValueError) as raised:
        dialect.write(Done([SendAfter(ADA, DEPOSIT, delay_ms)], {}), token_prefix=None)

    assert str(raised.value) == f"expected a delay of 0 to 9223372036854775807 ms, got {delay_ms}"


@both
def test_text_that_is_not_unicode_is_refused(dialect: Dialect) -> None:
    with pytest.raises(UnicodeEncodeError):
        dialect.write(Done([Send(Address("bank/account", "\ud800"), DEPOSIT)], {}), token_prefix=None)


@both
def test_a_dialect_shows_its_protocol(dialect: Dialect) -> None:
    assert repr(dialect) == f"<protocol {dialect.protocol}>"
