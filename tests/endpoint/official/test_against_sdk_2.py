"""Random programs, written once in the words of the 2.0 SDK: Apache's SDK and ours give the same reply to each request.

Where they differ on purpose, the programs keep away from it, and a test of its own says what we do: a delay of zero is
an ordinary message here and an error there, and fractions of milliseconds are kept from rounding wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any as Untyped

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statefun_actors import Address, RequestReplyHandler, StatefulFunctions
from statefun_actors.model import Batch, Invocation
from statefun_actors.types import pack
from statefun_actors.wire import V2
from tests.endpoint.official.apache import Apache, counts_right
from tests.endpoint.official.programs import bound
from tests.wire.reference import parsed, request

ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
typenames = st.sampled_from(["test/union", "bank/account", "a.b/c.d/e", "x/y"])
bad_typenames = st.sampled_from(["", "nothing", "/", "a/", "/b"])
numbers = st.integers(0, 1 << 33)
delays = st.integers(1, 10_000_000).filter(counts_right)
states = st.sampled_from(["seen", "last", "cart"])
unknown_states = st.sampled_from(["never", ""])

steps = st.one_of(
    st.tuples(st.just("send"), typenames, ids, numbers),
    st.tuples(st.just("pack_and_send"), typenames, ids, numbers),
    st.tuples(st.just("reply"), numbers),
    st.tuples(st.just("pack_and_reply"), numbers),
    st.tuples(st.just("send_after"), delays, typenames, ids, numbers),
    st.tuples(st.just("pack_and_send_after"), delays, typenames, ids, numbers),
    st.tuples(st.just("send_egress"), typenames, numbers),
    st.tuples(st.just("pack_and_send_egress"), typenames, numbers),
    st.tuples(st.just("send_to_self"), numbers),
    st.tuples(st.just("read"), states),
    st.tuples(st.just("write"), states, numbers),
    st.tuples(st.just("count"), states),
    st.tuples(st.just("delete"), states),
)
mistakes = st.one_of(
    st.tuples(st.just("send"), bad_typenames, ids, numbers),
    st.tuples(st.just("pack_and_send"), typenames, st.just(""), numbers),
    st.tuples(st.just("pack_and_send_after"), delays, bad_typenames, ids, numbers),
    st.tuples(st.just("send_egress"), bad_typenames, numbers),
    st.tuples(st.just("read"), unknown_states),
    st.tuples(st.just("write"), unknown_states, numbers),
    st.tuples(st.just("delete"), unknown_states),
    st.tuples(st.just("fail")),
)
programs = st.lists(
    st.one_of(steps, steps, steps, st.tuples(st.just("swallow"), st.lists(steps, max_size=2))), max_size=6
)
arguments = st.one_of(
    programs.map(lambda program: Value(string_value=json.dumps(program))),
    st.lists(st.one_of(steps, mistakes), max_size=3).map(lambda program: Value(string_value=json.dumps(program))),
    numbers.map(lambda n: Duration(seconds=n)),
    numbers.map(lambda n: Timestamp(seconds=n)),
).map(pack)
callers = st.none() | st.builds(Address, typenames, ids)
batches = st.builds(
    Batch,
    st.builds(Address, st.sampled_from(["test/untyped", "test/a.b/hinted", "test/union"]), ids),
    st.fixed_dictionaries(
        {name: st.none() | numbers.map(lambda n: pack(Timestamp(seconds=n))) for name in ("seen", "last", "cart")}
    ),
    st.lists(st.builds(Invocation, arguments, callers), min_size=1, max_size=4),
)


@pytest.fixture(scope="module", params=["2.0.0", "2.2.2"])
def apache(request: pytest.FixtureRequest) -> Iterator[Apache]:
    sdk = Apache(request.param, "programs.py")
    yield sdk
    sdk.close()


ours = RequestReplyHandler(bound(StatefulFunctions()), protocol=2)


def our_reply(data: bytes) -> bytes | None:
    try:
        return ours(data)
    except Exception:
        return None


def result(reply: bytes | None) -> Untyped:
    """The content of a reply, with mutations by name, since their order has no meaning. None for an error.

    A batch without effects has an empty reply there and an empty result here, which Flink takes for the same.
    """
    if reply is None:
        return None
    invocation_result = parsed(V2, reply).invocation_result
    invocation_result.state_mutations.sort(key=lambda mutation: mutation.state_name)
    return invocation_result


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=batches)
def test_the_same_program_gives_the_same_reply(apache: Apache, batch: Batch) -> None:
    data = request(V2, batch)

    assert result(our_reply(data)) == result(apache.reply(data))


def test_programs_do_something(apache: Apache) -> None:
    program = [["count", "seen"], ["send_after", 5, "x/y", "z", 7], ["pack_and_reply", 3], ["send_egress", "e/f", 4]]
    one = Invocation(pack(Value(string_value=json.dumps(program))), Address("x/caller", "c"))
    data = request(V2, Batch(Address("test/union", "u"), {"seen": None}, [one, one]))

    reply = result(our_reply(data))

    assert len(reply.outgoing_messages) == len(reply.delayed_invocations) == len(reply.outgoing_egresses) == 2
    assert [mutation.state_name for mutation in reply.state_mutations] == ["seen"]
    assert result(apache.reply(data)) == reply
