"""The least that Python can do for the workload: protobuf in C parses, what is needed is read, known bytes are joined.

Needed is what chooses a handler and what its context must know: the typename of each message, and its caller.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from statefun_actors.wire import v3_pb2
from statefun_actors.wire.encoding import field, varint
from tests.benchmarks.peers.loop import answer

_DURATION = "type.googleapis.com/google.protobuf.Duration"
_heads: dict[tuple[int, int], tuple[bytes, bytes, bytes, bytes]] = {}


def _made(id_length: int, length: int) -> tuple[bytes, bytes, bytes, bytes]:
    """The bytes of a message before its id and before its value, and of a record before its key and its value."""
    typename = field(b"\x0a", _DURATION.encode()) + b"\x10\x01\x1a" + varint(length)
    address = field(b"\x0a", b"fraud") + field(b"\x12", b"checker") + b"\x1a" + varint(id_length)
    argument = b"\x12" + varint(len(typename) + length) + typename
    address_size = len(address) + id_length
    to = b"\x0a" + varint(address_size) + address
    message = b"\x12" + varint(len(to) + id_length + len(argument) + length) + to

    topic = field(b"\x1a", b"receipts")
    key, value = b"\x0a" + varint(id_length), b"\x12" + varint(length)
    size = len(key) + id_length + len(value) + length + len(topic)
    record = b"type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord"
    typed = field(b"\x0a", record) + b"\x10\x01\x1a" + varint(size)
    egress = field(b"\x0a", b"bank") + field(b"\x12", b"receipts") + b"\x1a" + varint(len(typed) + size) + typed
    return message, argument, b"\x22" + varint(len(egress) + size) + egress + key, value


async def handle(data: bytes) -> bytes:
    batch = v3_pb2.ToFunction.FromString(data).invocation
    [state] = batch.state
    balance = v3_pb2.LongWrapper.FromString(state.state_value.value).value
    id = batch.target.id.encode()
    topic = field(b"\x1a", b"receipts")
    messages: list[bytes] = []
    records: list[bytes] = []
    for invocation in batch.invocations:
        argument, caller = invocation.argument, invocation.caller
        assert argument.typename == _DURATION
        assert (caller.namespace, caller.type) == ("bank", "user")
        assert caller.id
        value = argument.value
        balance += Duration.FromString(value).seconds
        sizes = len(id), len(value)
        heads = _heads.get(sizes)
        if heads is None:
            heads = _heads[sizes] = _made(*sizes)
        messages += heads[0], id, heads[1], value
        records += heads[2], id, heads[3], value, topic
    number = v3_pb2.LongWrapper(value=balance).SerializeToString()
    typed = field(b"\x0a", b"io.statefun.types/long") + b"\x10\x01" + field(b"\x1a", number)
    change = b"\x08\x01" + field(b"\x12", b"balance") + field(b"\x1a", typed)
    result = b"".join([field(b"\x0a", change), *messages, *records])
    return b"\xa2\x06" + varint(len(result)) + result


if __name__ == "__main__":
    answer({"floor": handle})
