"""The forms of 3.x: missing states, tokens, cancellations."""

from __future__ import annotations

import pytest
from hypothesis import given

from statefun_actors.address import Address
from statefun_actors.model import Cancel, Done, Effect, Expiration, MissingState, SendAfter, StateSpec, TypedValue
from statefun_actors.wire import V3, v3_pb2
from tests.wire import strategies
from tests.wire.reference import reply

ADA = Address("bank/account", "ada")
REMIND = TypedValue("bank/remind", b"{}")


def delayed(effects: list[Effect], token_prefix: str | None) -> list[tuple[bool, str, int]]:
    """Of each delayed invocation: whether it cancels, its token, its delay."""
    message = v3_pb2.FromFunction.FromString(V3.write(Done(effects, {}), token_prefix=token_prefix))
    return [
        (each.is_cancellation_request, each.cancellation_token, each.delay_in_ms)
        for each in message.invocation_result.delayed_invocations
    ]


@given(outcome=strategies.missing)
def test_missing_states_are_asked_for_as_protobuf_would_write_it(outcome: MissingState) -> None:
    assert V3.write(outcome, token_prefix=None) == reply(V3, outcome).SerializeToString()


def test_missing_states_are_asked_for_in_declaration_order_with_their_expiration() -> None:
    specs = [
        StateSpec("z", "io.statefun.types/long"),
        StateSpec("a", "bank/json", Expiration.AFTER_WRITE, 5_000),
        StateSpec("m", "bank/json", Expiration.AFTER_CALL, 60_000),
    ]

    message = v3_pb2.FromFunction.FromString(V3.write(MissingState(specs), token_prefix="bank/account"))

    assert message.WhichOneof("response") == "incomplete_invocation_context"
    asked = message.incomplete_invocation_context.missing_values
    modes = v3_pb2.FromFunction.ExpirationSpec
    assert [(spec.state_name, spec.type_typename) for spec in asked] == [
        ("z", "io.statefun.types/long"),
        ("a", "bank/json"),
        ("m", "bank/json"),
    ]
    assert [(spec.expiration_spec.mode, spec.expiration_spec.expire_after_millis) for spec in asked] == [
        (modes.NONE, 0),
        (modes.AFTER_WRITE, 5_000),
        (modes.AFTER_INVOKE, 60_000),
    ]
    assert all(spec.HasField("expiration_spec") for spec in asked)


def test_a_state_that_came_without_a_value_is_absent() -> None:
    request = v3_pb2.ToFunction()
    batch = request.invocation
    batch.target.namespace, batch.target.type, batch.target.id = "bank", "account", "ada"
    batch.invocations.add().argument.has_value = True
    batch.state.add().state_name = "unset"
    batch.state.add(state_name="no value").state_value.typename = "bank/json"
    empty = batch.state.add(state_name="empty value").state_value
    empty.typename, empty.has_value = "bank/json", True

    state = V3.read(request.SerializeToString()).state

    assert state == {"unset": None, "no value": None, "empty value": TypedValue("bank/json", b"")}


def test_a_functions_tokens_pass_unchanged_and_nothing_is_added() -> None:
    effects: list[Effect] = [SendAfter(ADA, REMIND, 5, "t"), Cancel("t"), SendAfter(ADA, REMIND, 6)]

    assert delayed(effects, None) == [(False, "t", 5), (True, "t", 0), (False, "", 6)]


def test_an_entitys_tokens_are_its_own_and_a_cancellation_goes_before_each() -> None:
    effects: list[Effect] = [
        SendAfter(ADA, REMIND, 5, "t"),
        Cancel("u"),
        SendAfter(ADA, REMIND, 6),
        SendAfter(ADA, REMIND, 7, "t"),
    ]

    assert delayed(effects, "bank/account") == [
        (True, "bank/account:t", 0),
        (False, "bank/account:t", 5),
        (True, "bank/account:u", 0),
        (False, "", 6),
        (True, "bank/account:t", 0),
        (False, "bank/account:t", 7),
    ]


def test_an_empty_token_is_one_for_an_entity_and_none_for_a_function() -> None:
    effects: list[Effect] = [SendAfter(ADA, REMIND, 5, ""), Cancel("")]

    assert delayed(effects, "bank/account") == [
        (True, "bank/account:", 0),
        (False, "bank/account:", 5),
        (True, "bank/account:", 0),
    ]
    assert delayed(effects, None) == [(False, "", 5)]


@pytest.mark.parametrize("typename", ["io.statefun.types/long", "statefun-actors/bytes"])
def test_primitives_stay_what_they_are(typename: str) -> None:
    value = TypedValue(typename, b"\x09\x05\x00\x00\x00\x00\x00\x00\x00")

    message = v3_pb2.FromFunction.FromString(V3.write(Done([], {"x": value}), token_prefix=None))

    written = message.invocation_result.state_mutations[0].state_value
    assert TypedValue(written.typename, written.value) == value


def test_nothing_is_dropped() -> None:
    assert not V3.drops(Done([SendAfter(ADA, REMIND, 5, "t"), Cancel("t")], {}))
    assert not V3.drops(MissingState([]))
