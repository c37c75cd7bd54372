"""The generated messages: equal to protos/, and loadable next to other protobuf code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message

from statefun_actors.address import Address
from statefun_actors.model import Batch, Done, Egress, Invocation, Send, SendAfter, TypedValue
from statefun_actors.wire import V2, V3, v2_pb2, v3_pb2
from tests.wire.reference import KAFKA, request

ROOT = Path(__file__).parents[2]


@pytest.mark.needs("grpc_tools")
def test_generated_code_is_what_the_definitions_say() -> None:
    check = [sys.executable, str(ROOT / "protos" / "generate.py"), "--check"]
    finished = subprocess.run(check, capture_output=True, text=True, check=False)

    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (v3_pb2.ToFunction, "io.statefun.sdk.reqreply.ToFunction"),
        (v3_pb2.FromFunction, "io.statefun.sdk.reqreply.FromFunction"),
        (v3_pb2.TypedValue, "io.statefun.sdk.reqreply.TypedValue"),
        (v3_pb2.KafkaProducerRecord, "io.statefun.sdk.egress.KafkaProducerRecord"),
        (v3_pb2.KinesisEgressRecord, "io.statefun.sdk.egress.KinesisEgressRecord"),
        (v3_pb2.LongWrapper, "io.statefun.sdk.types.LongWrapper"),
        (v2_pb2.ToFunction, "org.apache.flink.statefun.flink.core.polyglot.ToFunction"),
        (v2_pb2.FromFunction, "org.apache.flink.statefun.flink.core.polyglot.FromFunction"),
        (v2_pb2.KafkaProducerRecord, "org.apache.flink.statefun.flink.io.KafkaProducerRecord"),
        (v2_pb2.KinesisEgressRecord, "org.apache.flink.statefun.flink.io.KinesisEgressRecord"),
    ],
)
def test_the_names_are_the_published_ones(message: type[Message], name: str) -> None:
    assert message.DESCRIPTOR.full_name == name


def test_another_package_may_define_the_same_names_in_protobufs_default_pool() -> None:
    other = descriptor_pb2.FileDescriptorProto(
        name="apache/request-reply.proto", package="io.statefun.sdk.reqreply", syntax="proto3"
    )
    other.message_type.add(name="Address")

    descriptor_pool.Default().AddSerializedFile(other.SerializeToString())

    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("io.statefun.sdk.reqreply.ToFunction")


def exchanges() -> list[str]:
    """A request read and a reply written, in each protocol, as text."""
    ada, value = Address("bank/account", "ada"), TypedValue("io.statefun.types/long", b"\x09" + b"\x01" * 8)
    batch = Batch(ada, {"balance": value, "owner": None}, [Invocation(value, ada), Invocation(value)])
    outcome = Done(
        [Send(ada, value), SendAfter(ada, value, 5, "t"), Egress("bank/out", TypedValue(KAFKA, b"\x0a\x01k"))],
        {"balance": value, "owner": None},
    )
    return [
        f"{dialect.protocol} {dialect.read(request(dialect, batch))} {dialect.write(outcome, token_prefix=None).hex()}"
        for dialect in (V3, V2)
    ]


def test_pure_python_protobuf_reads_and_writes_the_same() -> None:
    script = (
        "from google.protobuf.internal import api_implementation; assert api_implementation.Type() == 'python'\n"
        "from tests.wire.test_generated_code import exchanges; print(*exchanges(), sep='\\n')"
    )
    environment = {**os.environ, "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python"}
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert finished.stderr == ""
    assert finished.stdout.splitlines() == exchanges()
