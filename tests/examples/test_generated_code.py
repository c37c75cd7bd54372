"""The code that protoc generated for the examples is that of their definitions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bank_pb2
import pytest
import shipping_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

EXAMPLES = Path(__file__).parents[2] / "examples"
GENERATED = {
    EXAMPLES / "bank" / "bank.proto": bank_pb2.DESCRIPTOR,
    EXAMPLES / "polyglot" / "shipping.proto": shipping_pb2.DESCRIPTOR,
}


@pytest.mark.needs("grpc_tools")
@pytest.mark.parametrize(("definition", "code"), GENERATED.items(), ids=lambda value: value.name)
def test_the_generated_code_is_that_of_the_definition(definition: Path, code: FileDescriptor, tmp_path: Path) -> None:
    parsed = tmp_path / "descriptors"
    options = [f"-I{definition.parent}", f"--descriptor_set_out={parsed}"]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, definition.name], check=True)

    [defined] = FileDescriptorSet.FromString(parsed.read_bytes()).file
    for message in defined.message_type:
        for field in message.field:
            field.ClearField("json_name")  # which generated code does without
    assert FileDescriptorProto.FromString(code.serialized_pb) == defined


@pytest.mark.parametrize("definition", GENERATED, ids=lambda path: path.name)
def test_the_generated_code_does_not_demand_a_newer_protobuf(definition: Path) -> None:
    # What protoc has written since 5.27 asks for at least its own version of the runtime.
    code = definition.with_name(f"{definition.stem}_pb2.py").read_text(encoding="utf-8")

    assert "runtime_version" not in code
