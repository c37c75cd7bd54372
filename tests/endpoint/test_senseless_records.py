"""Records that a gateway never writes, but others can: each is dropped or refused, and none fails the job."""

from __future__ import annotations

import msgspec
import pytest

from statefun_actors import RequestReplyHandler, Settings
from statefun_actors.asking import (
    ANSWER,
    ANSWERS,
    ATTEMPT,
    FAILED,
    ORDER,
    REPLY,
    REQUEST,
    RESTORE,
    SCHEDULE,
    TAKEN,
    Answer,
    Attempt,
    Keyed,
    Later,
    Request,
    answer,
    attempt,
    key_id,
    order,
    request,
)
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.wire import v3_pb2
from tests.endpoint.gateway_door import ADA, Clerk, caller, charge, door, pair

LONGEST_MS = 365_250 * 24 * 3_600_000
PLACE = "expected <namespace>/<name> and an id as the target of a message, got "
UNSERVED = (
    "the endpoint of statefun-actors/ingress serves no {0}, so a message to it would fail the Flink job; if another "
    "application of the job serves it, start that endpoint with --other-functions {0}"
)
SENSELESS = [
    (("nope", "1"), 0, PLACE + "('nope', '1')"),
    (("a/", "1"), 0, PLACE + "('a/', '1')"),
    (("/a", "1"), 0, PLACE + "('/a', '1')"),
    (("shop/clerk", ""), 0, PLACE + "('shop/clerk', '')"),
    (("n" * 1000, ""), 0, PLACE + "('" + "n" * 198 + "…"),
    (("loans/loan", "1"), 0, UNSERVED.format("loans/loan")),
    (("shop/other", "1"), 0, UNSERVED.format("shop/other")),
    (("a\n/b", "1"), 0, UNSERVED.format("a\\n/b")),
    (("shop/clerk", "1"), LONGEST_MS + 1, f"expected a delay of 0 to {LONGEST_MS} ms, got {LONGEST_MS + 1}"),
    (("shop/clerk", "1"), (1 << 64) - 1, f"expected a delay of 0 to {LONGEST_MS} ms, got {(1 << 64) - 1}"),
    (("shop/clerk", "1"), -1, f"expected a delay of 0 to {LONGEST_MS} ms, got -1"),
]


@pytest.mark.parametrize(("target", "delay_ms", "reason"), SENSELESS)
async def test_an_order_that_makes_no_sense_is_refused_or_dropped(
    target: tuple[str, str], delay_ms: int, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with door() as gateway:
        for number, wait in enumerate(("taken", "handled", "no such wait")):
            keyed = Keyed(caller(f"{number}"), "d", target, pair(1), wait, delay_ms)
            await gateway.order(keyed, key_id(ADA, "k"))
            assert gateway.answers(f"{number}") == [(FAILED, reason)]
        await gateway.order(Later(target, pair(1), delay_ms), "later:1")
        await gateway.order(Later(target, pair(1), delay_ms, caller("9")), "later:2")
        await gateway.engine.advance(1)

        assert gateway.answers("9") == [(FAILED, reason)]
        assert len(gateway.engine.egress(ANSWERS)) == 4
    assert f"statefun-actors/ingress: a record of a gateway is dropped: {reason}" in caplog.messages


@pytest.mark.parametrize("known", ["loans/loan", "loans/*"])
def test_functions_of_other_applications_are_known_if_the_setting_names_them(known: str) -> None:
    endpoint = RequestReplyHandler(Clerk, settings=Settings(other_functions={known}))
    invoked = v3_pb2.ToFunction.InvocationBatchRequest(
        target=v3_pb2.Address(namespace="statefun-actors", type="ingress", id="later:1"),
        state=[v3_pb2.ToFunction.PersistedValue(state_name="call")],
    )
    for name in ("loans/loan", "lent/loan"):
        value = order(Later((name, "1"), pair(1), 5))
        argument = v3_pb2.TypedValue(typename=value.typename, has_value=True, value=value.value)
        invoked.invocations.append(v3_pb2.ToFunction.Invocation(argument=argument))

    reply = v3_pb2.FromFunction.FromString(endpoint(v3_pb2.ToFunction(invocation=invoked).SerializeToString()))

    assert [each.target.namespace for each in reply.invocation_result.delayed_invocations] == ["loans"]


def deep(*parts: object) -> bytes:
    """An array of *parts*, and of arrays in each other, a hundred thousand deep."""
    packed = b"".join(map(msgspec.msgpack.encode, parts))
    return bytes([0x91 + len(parts)]) + packed + b"\x91" * 100_000 + b"\x00"


RECORDS = {
    "a request": TypedValue(REQUEST, deep(["a/b", b""], "")),
    "an order": TypedValue(ORDER, deep("later", ["shop/clerk", "1"], ["a/b", b""], 5)),
    "a restore": TypedValue(RESTORE, deep({}, [], [])),
    "an answer": TypedValue(ANSWER, deep("told", None, None, ["a/b", b""])),
    "an attempt": TypedValue(ATTEMPT, deep(1, ["a/b", b""], None)),
    "an answer for nobody": answer(Answer("told", None, (REPLY, ""), pair(1))),
    "an answer for no function": answer(Answer("told", None, (INGRESS, ""), pair(1))),
    "an attempt for nobody": attempt(Attempt(1, pair(1), (REPLY, ""))),
    "an attempt for no function": attempt(Attempt(1, pair(1), (INGRESS, ""))),
}


@pytest.mark.parametrize("id", ["1", key_id(ADA, "k"), caller("1")])
@pytest.mark.parametrize("typename", [INGRESS, REPLY, SCHEDULE, "shop/clerk", "shop/charge"])
@pytest.mark.parametrize("name", RECORDS)
def test_no_record_fails_its_batch_or_makes_a_message_for_nobody(name: str, typename: str, id: str) -> None:
    """Flink would call the endpoint for such a message again and again, and fail."""
    endpoint = RequestReplyHandler(Clerk, charge, settings=Settings(accept_restore=True))
    function = endpoint.app.all_served[typename].function
    namespace, _, type = typename.rpartition("/")
    invoked = v3_pb2.ToFunction.InvocationBatchRequest(
        target=v3_pb2.Address(namespace=namespace, type=type, id=id),
        state=[v3_pb2.ToFunction.PersistedValue(state_name=each) for each in function.state_names],
    )
    record = RECORDS[name]
    inside = record.typename, record.value
    for value in (
        record,
        request(Request(inside)),
        request(Request(inside, "x")),
        request(Request(inside, caller("2"))),
    ):
        argument = v3_pb2.TypedValue(typename=value.typename, has_value=True, value=value.value)
        invoked.invocations.append(v3_pb2.ToFunction.Invocation(argument=argument))

    reply = v3_pb2.FromFunction.FromString(endpoint(v3_pb2.ToFunction(invocation=invoked).SerializeToString()))

    result = reply.invocation_result
    targets = [each.target for each in result.outgoing_messages]
    targets += [each.target for each in result.delayed_invocations]
    assert [target for target in targets if not target.id] == []


async def test_an_order_for_a_function_that_is_served_still_goes_there() -> None:
    async with door() as gateway:
        assert await gateway.keyed(1, "1", "taken") == [(TAKEN, b"")]

        assert gateway.callers == ["None"]
