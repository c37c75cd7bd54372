"""Random programs on the 3.x wire: Apache's SDK 3.3.0 and our functions give the same reply to each request.

Programs keep away from three things: the empty token can be cancelled there, which is an error here; numbers can stand
in a Kinesis record here, as in one for Kafka, which is an error there; and the sign of -0.0 is lost there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any as Untyped

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statefun_actors import (
    Address,
    Context,
    RequestReplyHandler,
    StatefulFunctions,
    kafka_record,
    kinesis_record,
    persisted,
)
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V3, v3_pb2
from tests.endpoint.official.apache import Apache, counts_right
from tests.endpoint.official.programs_3 import KINDS, run, value
from tests.endpoint.official.topics import topics
from tests.wire.reference import request

functions = StatefulFunctions()


@functions.bind(
    "test/a.b/program",
    states={
        "long": int,
        "string": persisted(type=str | None, expire_after_write=timedelta(seconds=3)),
        "bool": bool,
        "double": persisted(type=float | None, expire_after_call=timedelta(milliseconds=1_500)),
        "stamp": Timestamp,
    },
)
def program(context: Context, message: str) -> None:
    run(Ours(context), json.loads(message))


class Ours:
    """The steps of a program, in our words."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def send(self, typename: str, to: str, kind: str, given: Untyped) -> None:
        self._context.pack_and_send(typename, to, value(kind, given))

    def reply(self, kind: str, given: Untyped) -> None:
        self._context.pack_and_reply(value(kind, given))

    def send_after(self, ms: int, typename: str, to: str, kind: str, given: Untyped, token: str) -> None:
        delay = timedelta(milliseconds=ms)
        self._context.pack_and_send_after(delay, typename, to, value(kind, given), cancellation_token=token or None)

    def cancel(self, token: str) -> None:
        self._context.cancel(token)

    def record(self, typename: str, topic: str, key: str | None, given: Untyped) -> None:
        self._context.pack_and_send_egress(typename, kafka_record(topic=topic, key=key, value=given))

    def stamp_record(self, typename: str, topic: str, given: int) -> None:
        self._context.pack_and_send_egress(typename, kafka_record(topic=topic, value=Timestamp(seconds=given)))

    def kinesis(self, typename: str, stream: str, key: str, hash_key: str | None, given: Untyped) -> None:
        self._context.pack_and_send_egress(
            typename, kinesis_record(stream=stream, partition_key=key, explicit_hash_key=hash_key, value=given)
        )

    def egress(self, typename: str, kind: str, given: Untyped) -> None:
        self._context.pack_and_send_egress(typename, value(kind, given))

    def tell(self, kind: str) -> None:
        held = self._context[kind]
        if held is None:
            self._context.pack_and_send("test/seen", f"{kind} is absent", True)
        else:
            self._context.pack_and_send("test/seen", kind, held)

    def write(self, kind: str, given: Untyped) -> None:
        self._context[kind] = value(kind, given)

    def delete(self, kind: str) -> None:
        del self._context[kind]

    def fail(self) -> None:
        raise ValueError("told to")


texts = st.text(st.characters(codec="utf-8"), max_size=6)
ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
typenames = st.sampled_from(["test/union", "bank/account", "a.b/c.d/e", "x/y"])
tokens = st.sampled_from(["", "a", "token"])
delays = st.integers(1, 1 << 40).filter(counts_right)
kinds = st.sampled_from(KINDS)
longs = st.integers(-(1 << 63), (1 << 63) - 1)
givens = {
    "long": longs,
    "string": texts,
    "bool": st.booleans(),
    "double": st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0),
    "stamp": st.integers(0, 1 << 33),
}
typed = kinds.flatmap(lambda kind: st.tuples(st.just(kind), givens[kind]))
raw = st.one_of(texts, st.integers(-(1 << 31), (1 << 31) - 1), st.floats(allow_nan=False, allow_infinity=False))
steps: st.SearchStrategy[tuple[Untyped, ...]] = st.one_of(
    st.builds(lambda *a: ("send", *a[:2], *a[2]), typenames, ids, typed),
    st.builds(lambda *a: ("send_after", *a[:3], *a[3], a[4]), delays, typenames, ids, typed, tokens),
    st.tuples(st.just("cancel"), st.sampled_from(["a", "token"])),
    st.tuples(st.just("record"), typenames, topics, st.none() | texts, raw),
    st.tuples(st.just("stamp_record"), typenames, topics, givens["stamp"]),
    st.tuples(st.just("kinesis"), typenames, ids, ids, st.none() | ids, texts),
    st.builds(lambda *a: ("egress", a[0], *a[1]), typenames, typed),
    st.tuples(st.just("tell"), kinds),
    st.builds(lambda a: ("write", *a), typed),
    st.tuples(st.just("delete"), kinds),
)
mistakes: st.SearchStrategy[tuple[Untyped, ...]] = st.one_of(
    st.builds(lambda a: ("reply", *a), typed),
    st.tuples(st.just("send"), typenames, st.just(""), st.just("long"), st.just(1)),
    st.tuples(st.just("record"), typenames, st.just(""), st.none(), st.just("x")),
    st.tuples(st.just("tell"), st.just("never")),
    st.tuples(st.just("fail")),
)
programs = st.lists(steps, max_size=6) | st.lists(st.one_of(steps, steps, mistakes), max_size=3)
arguments = programs.map(lambda steps: pack(json.dumps(steps)))
callers = st.none() | st.builds(Address, typenames, ids)
states = {kind: st.none() | given_.map(lambda g, kind=kind: pack(value(kind, g))) for kind, given_ in givens.items()}  # type: ignore[misc]
batches = st.builds(
    Batch,
    st.builds(Address, st.just("test/a.b/program"), ids),
    st.fixed_dictionaries(states) | st.fixed_dictionaries({}, optional=states),
    st.lists(st.builds(Invocation, arguments, callers), min_size=1, max_size=4),
)
ours = RequestReplyHandler(functions, protocol=3)


@pytest.fixture(scope="module", params=["SDK-pip", pytest.param("SDK-upb", marks=pytest.mark.slow)])
def apache(request: pytest.FixtureRequest) -> Iterator[Apache]:
    sdk = Apache("3.3.0", "programs_3.py", request.param)
    yield sdk
    sdk.close()


def our_reply(data: bytes) -> bytes | None:
    try:
        return ours(data)
    except Exception:
        return None


def told(reply: bytes | None) -> Untyped:
    """The content of a reply, with mutations by name, since their order has no meaning. None for an error.

    A batch without effects has an empty reply there and an empty result here, which Flink takes for the same.
    """
    if reply is None:
        return None
    message = v3_pb2.FromFunction.FromString(reply)
    if message.HasField("incomplete_invocation_context"):
        return message.incomplete_invocation_context
    message.invocation_result.state_mutations.sort(key=lambda mutation: mutation.state_name)
    return message.invocation_result


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=batches)
def test_the_same_program_gives_the_same_reply(apache: Apache, batch: Batch) -> None:
    data = request(V3, batch)

    assert told(our_reply(data)) == told(apache.reply(data))


def test_programs_do_something(apache: Apache) -> None:
    steps = [["write", "long", 7], ["send_after", 5, "x/y", "z", "string", "s", "t"], ["reply", "double", 0.5]]
    one = Invocation(pack(json.dumps([*steps, ["record", "e/f", "t", None, 4]])), Address("x/caller", "c"))
    data = request(V3, Batch(Address("test/a.b/program", "u"), dict.fromkeys(KINDS), [one, one]))

    reply = told(our_reply(data))

    assert len(reply.outgoing_messages) == len(reply.delayed_invocations) == len(reply.outgoing_egresses) == 2
    assert [mutation.state_name for mutation in reply.state_mutations] == ["long"]
    assert told(apache.reply(data)) == reply
