"""Puts messages into protobuf's default pool, where ``json_format`` and ``Any`` look for them.

This library keeps its messages in a pool of its own. Programs of SDK 2.x pack records into an ``Any`` and print it, so
the records are registered under the file names of Apache's SDK and with the same content, which protobuf accepts twice.
"""

from __future__ import annotations

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message


def registered(message: type[Message], file_name: str) -> type[Message]:
    """The class of the same message in the default pool, whose file is *file_name*."""
    source = FileDescriptorProto()
    message.DESCRIPTOR.file.CopyToProto(source)  # a message of protobuf's pure Python can't be copied by itself
    (described,) = (each for each in source.message_type if each.name == message.DESCRIPTOR.name)
    for field in described.field:
        field.ClearField("json_name")
    package = message.DESCRIPTOR.file.package
    file = FileDescriptorProto(name=file_name, package=package, message_type=[described], syntax="proto3")
    file.options.java_package = f"{package}.generated"
    file.options.java_multiple_files = True
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString(deterministic=True))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(message.DESCRIPTOR.full_name))
