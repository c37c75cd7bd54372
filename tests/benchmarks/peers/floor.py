"""The least that Python can do for the workload: protobuf in C parses, what is needed is read, known bytes are joined.

Needed is what chooses a handler and what its context must know: the typename of each message, and its caller. What is
sent is serialized when it is sent, since the same object may be changed and sent again, and may have any length.
"""

from __future__ import annotations

from typing import Final

from google.protobuf.duration_pb2 import Duration

from statefun_actors.wire import v3_pb2
from statefun_actors.wire.encoding import field, varint
from tests.benchmarks.peers.loop import answer

_DURATION: Final = "type.googleapis.com/google.protobuf.Duration"
_VARINTS: Final = [varint(number) for number in range(16_384)]
_TYPENAME: Final = field(b"\x0a", _DURATION.encode()) + b"\x10\x01\x1a"
_TARGET: Final = field(b"\x0a", b"fraud") + field(b"\x12", b"checker") + b"\x1a"
_TOPIC: Final = field(b"\x1a", b"receipts")
_EGRESS: Final = field(b"\x0a", b"bank") + field(b"\x12", b"receipts") + b"\x1a"
_RECORD: Final = field(b"\x0a", b"type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord") + b"\x10\x01\x1a"


async def handle(data: bytes) -> bytes:
    batch = v3_pb2.ToFunction.FromString(data).invocation
    [state] = batch.state
    balance = v3_pb2.LongWrapper.FromString(state.state_value.value).value
    id = batch.target.id.encode()
    own = _VARINTS[len(id)] + id
    target = _VARINTS[len(_TARGET) + len(own)] + _TARGET + own
    messages: list[bytes] = []
    records: list[bytes] = []
    for invocation in batch.invocations:
        argument, caller = invocation.argument, invocation.caller
        assert argument.typename == _DURATION
        assert (caller.namespace, caller.type) == ("bank", "user")
        assert caller.id
        duration = Duration.FromString(argument.value)
        balance += duration.seconds
        sent = duration.SerializeToString()
        length = _VARINTS[len(sent)]
        size = len(_TYPENAME) + len(length) + len(sent)
        value = _VARINTS[size]
        whole = _VARINTS[2 + len(target) + len(value) + size]
        messages += b"\x12", whole, b"\x0a", target, b"\x12", value, _TYPENAME, length, sent
        recorded = duration.SerializeToString()
        length = _VARINTS[len(recorded)]
        size = 2 + len(own) + len(length) + len(recorded) + len(_TOPIC)
        record = _VARINTS[size]
        size += len(_RECORD) + len(record)
        value = _VARINTS[size]
        whole = _VARINTS[len(_EGRESS) + len(value) + size]
        records += b"\x22", whole, _EGRESS, value, _RECORD, record, b"\x0a", own, b"\x12", length, recorded, _TOPIC
    number = v3_pb2.LongWrapper(value=balance).SerializeToString()
    typed = field(b"\x0a", b"io.statefun.types/long") + b"\x10\x01" + field(b"\x1a", number)
    change = b"\x08\x01" + field(b"\x12", b"balance") + field(b"\x1a", typed)
    result = b"".join([field(b"\x0a", change), *messages, *records])
    return b"\xa2\x06" + varint(len(result)) + result


if __name__ == "__main__":
    answer({"floor": handle})
