"""Writes statefun_actors/wire/v2_pb2.py and v3_pb2.py, with their .pyi, from the definitions in this folder.

    python protos/generate.py            writes them
    python protos/generate.py --check    exits with 1, naming the files, where they differ from the definitions

protoc (of grpcio-tools, any version) only parses; the code is written here, because what protoc writes

- refuses to load under a protobuf runtime older than protoc itself, and is only promised to load one major version on;
- registers its names in protobuf's default pool, where Apache's own ``statefun`` package, with the same names in other
  files, then fails to load.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

HERE = Path(__file__).parent
WIRE = HERE.parent / "statefun_actors" / "wire"
WIDTH = 120

PYTHON_TYPES = {
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
    FieldDescriptorProto.TYPE_DOUBLE: "float",
    FieldDescriptorProto.TYPE_ENUM: "int",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_INT64: "int",
    FieldDescriptorProto.TYPE_SFIXED32: "int",
    FieldDescriptorProto.TYPE_SFIXED64: "int",
    FieldDescriptorProto.TYPE_STRING: "str",
}


def generated() -> dict[Path, str]:
    """The text of every generated file."""
    texts: dict[Path, str] = {}
    for version in ("v2", "v3"):
        files = parsed(version)
        texts[WIRE / f"{version}_pb2.py"] = module(version, files)
        texts[WIRE / f"{version}_pb2.pyi"] = stub(version, files)
    return texts


def parsed(version: str) -> list[FileDescriptorProto]:
    """The definitions of one protocol version, imported ones first, without what only other tools read."""
    sources = sorted(str(path) for path in (HERE / version).glob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "descriptors"
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{HERE}", f"--descriptor_set_out={output}"]
        subprocess.run([*protoc, *sources], check=True)
        files = list(FileDescriptorSet.FromString(output.read_bytes()).file)
    for file in files:
        for message in file.message_type:
            forget_json_names(message)
    return files


def forget_json_names(message: DescriptorProto) -> None:
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        forget_json_names(nested)


def heading(version: str) -> str:
    return f'"""Messages of protocol {version[1:]}.x, by protos/generate.py from protos/{version}/: do not edit."""\n'


def module(version: str, files: list[FileDescriptorProto]) -> str:
    imported = sorted({name for file in files for name in file.dependency} - {file.name for file in files})
    if imported not in ([], ["google/protobuf/any.proto"]):
        raise SystemExit(f"this script knows how to import google/protobuf/any.proto only, not {imported}")
    lines = [
        heading(version),
        f"from google.protobuf import {'any_pb2, ' if imported else ''}descriptor_pool, message_factory",
        "from google.protobuf.descriptor import Descriptor",
        "from google.protobuf.message import Message",
        "",
        "_pool = descriptor_pool.DescriptorPool()",
    ]
    if imported:
        lines.append("_pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)")
    for file in files:
        lines += ["_pool.AddSerializedFile(", *bytes_literal(file.SerializeToString(deterministic=True)), ")"]
    lines += [
        "",
        "",
        "def _message(descriptor: Descriptor) -> type[Message]:",
        "    message = message_factory.GetMessageClass(descriptor)",
        "    for nested in descriptor.nested_types:",
        "        if not hasattr(message, nested.name):  # protobuf's pure Python leaves them out",
        "            setattr(message, nested.name, _message(nested))",
        "    return message",
        "",
        "",
    ]
    for file in files:
        for message in file.message_type:
            find = f'{message.name} = _message(_pool.FindMessageTypeByName("{file.package}.{message.name}"))'
            lines.append(find)
    return "\n".join(lines) + "\n"


def bytes_literal(data: bytes) -> Iterator[str]:
    line = ""
    for byte in data:
        piece = chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}"
        if len(line) + len(piece) > WIDTH - len('    b""'):
            yield f'    b"{line}"'
            line = ""
        line += piece
    yield f'    b"{line}"'


def stub(version: str, files: list[FileDescriptorProto]) -> str:
    names = {f".{file.package}.{message.name}": message.name for file in files for message in file.message_type}
    names[".google.protobuf.Any"] = "Any"
    body: list[str] = []
    for file in files:
        for message in file.message_type:
            body += ["", *message_stub(message, names, "")]
    text = "\n".join(body)
    lines = [heading(version), "from collections.abc import Iterable", "from typing import ClassVar", ""]
    if "Any" in text:
        lines.append("from google.protobuf.any_pb2 import Any")
    containers = [f"Repeated{kind}FieldContainer" for kind in ("Composite", "Scalar") if f"Repeated{kind}Field" in text]
    lines.append(f"from google.protobuf.internal.containers import {', '.join(containers)}")
    lines.append("from google.protobuf.message import Message")
    return "\n".join(lines) + "\n" + text + "\n"


def message_stub(message: DescriptorProto, names: dict[str, str], indent: str) -> Iterator[str]:
    yield f"{indent}class {message.name}(Message):"
    within = indent + "    "
    for nested in message.nested_type:
        yield from message_stub(nested, names, within)
        yield ""
    for enum in message.enum_type:
        yield from (f"{within}{value.name}: ClassVar[int]" for value in enum.value)
    arguments = []
    for field in message.field:
        python = PYTHON_TYPES.get(field.type) or python_name(field.type_name, names)
        if field.label == FieldDescriptorProto.LABEL_REPEATED:
            kind = "Composite" if field.type == FieldDescriptorProto.TYPE_MESSAGE else "Scalar"
            yield f"{within}@property"
            yield f"{within}def {field.name}(self) -> Repeated{kind}FieldContainer[{python}]: ..."
            arguments.append(f"{field.name}: Iterable[{python}] | None = None")
        elif field.type == FieldDescriptorProto.TYPE_MESSAGE:
            yield f"{within}@property"
            yield f"{within}def {field.name}(self) -> {python}: ..."
            arguments.append(f"{field.name}: {python} | None = None")
        else:
            yield f"{within}{field.name}: {python}"
            arguments.append(f"{field.name}: {python} = ...")
    yield from signature(within, ["self", "*", *arguments])


def signature(indent: str, arguments: list[str]) -> Iterator[str]:
    """A constructor's, laid out as ruff format would."""
    together = ", ".join(arguments)
    if len(whole := f"{indent}def __init__({together}) -> None: ...") <= WIDTH:
        yield whole
        return
    yield f"{indent}def __init__("
    if len(inner := f"{indent}    {together}") <= WIDTH:
        yield inner
    else:
        yield from (f"{indent}    {argument}," for argument in arguments)
    yield f"{indent}) -> None: ..."


def python_name(type_name: str, names: dict[str, str]) -> str:
    """``ToFunction.Invocation`` for ``.package.ToFunction.Invocation``."""
    for full, name in names.items():
        if type_name == full or type_name.startswith(f"{full}."):
            return name + type_name.removeprefix(full)
    raise LookupError(type_name)


def main() -> None:
    texts = generated()
    if "--check" in sys.argv[1:]:
        stale = [str(path) for path, text in texts.items() if not path.exists() or path.read_text() != text]
        if stale:
            raise SystemExit(f"differ from protos/: {', '.join(stale)}. Run `python protos/generate.py`.")
        return
    for path, text in texts.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
