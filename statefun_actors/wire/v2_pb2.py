"""Messages of protocol 2.x, by protos/generate.py from protos/v2/: do not edit."""

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
_pool.AddSerializedFile(
    b"\x0a\x0fv2/egress.proto\x12\x22org.apache.flink.statefun.flink.io\x22F\x0a\x13KafkaProducerRecord\x12\x0b\x0a\x03"
    b"key\x18\x01 \x01(\x09\x12\x13\x0a\x0bvalue_bytes\x18\x02 \x01(\x0c\x12\x0d\x0a\x05topic\x18\x03 \x01(\x09\x22l"
    b"\x0a\x13KinesisEgressRecord\x12\x15\x0a\x0dpartition_key\x18\x01 \x01(\x09\x12\x13\x0a\x0bvalue_bytes\x18\x02 "
    b"\x01(\x0c\x12\x0e\x0a\x06stream\x18\x03 \x01(\x09\x12\x19\x0a\x11explicit_hash_key\x18\x04 \x01(\x09b\x06proto3"
)
_pool.AddSerializedFile(
    b"\x0a\x16v2/request_reply.proto\x12-org.apache.flink.statefun.flink.core.polyglot\x1a\x19google/protobuf/any.proto"
    b"\x226\x0a\x07Address\x12\x11\x0a\x09namespace\x18\x01 \x01(\x09\x12\x0c\x0a\x04type\x18\x02 \x01(\x09\x12\x0a\x0a"
    b"\x02id\x18\x03 \x01(\x09\x22\xcf\x04\x0a\x0aToFunction\x12f\x0a\x0ainvocation\x18d \x01(\x0b2P.org.apache.flink.s"
    b"tatefun.flink.core.polyglot.ToFunction.InvocationBatchRequestH\x00\x1a9\x0a\x0ePersistedValue\x12\x12\x0a\x0astat"
    b"e_name\x18\x01 \x01(\x09\x12\x13\x0a\x0bstate_value\x18\x02 \x01(\x0c\x1a|\x0a\x0aInvocation\x12F\x0a\x06caller"
    b"\x18\x01 \x01(\x0b26.org.apache.flink.statefun.flink.core.polyglot.Address\x12&\x0a\x08argument\x18\x02 \x01(\x0b"
    b"2\x14.google.protobuf.Any\x1a\x94\x02\x0a\x16InvocationBatchRequest\x12F\x0a\x06target\x18\x01 \x01(\x0b26.org.ap"
    b"ache.flink.statefun.flink.core.polyglot.Address\x12W\x0a\x05state\x18\x02 \x03(\x0b2H.org.apache.flink.statefun.f"
    b"link.core.polyglot.ToFunction.PersistedValue\x12Y\x0a\x0binvocations\x18\x03 \x03(\x0b2D.org.apache.flink.statefu"
    b"n.flink.core.polyglot.ToFunction.InvocationB\x09\x0a\x07request\x22\xa5\x09\x0a\x0cFromFunction\x12k\x0a\x11invoc"
    b"ation_result\x18d \x01(\x0b2N.org.apache.flink.statefun.flink.core.polyglot.FromFunction.InvocationResponseH\x00"
    b"\x1a\xe1\x01\x0a\x16PersistedValueMutation\x12v\x0a\x0dmutation_type\x18\x01 \x01(\x0e2_.org.apache.flink.statefu"
    b"n.flink.core.polyglot.FromFunction.PersistedValueMutation.MutationType\x12\x12\x0a\x0astate_name\x18\x02 \x01("
    b"\x09\x12\x13\x0a\x0bstate_value\x18\x03 \x01(\x0c\x22&\x0a\x0cMutationType\x12\x0a\x0a\x06DELETE\x10\x00\x12\x0a"
    b"\x0a\x06MODIFY\x10\x01\x1a|\x0a\x0aInvocation\x12F\x0a\x06target\x18\x01 \x01(\x0b26.org.apache.flink.statefun.fl"
    b"ink.core.polyglot.Address\x12&\x0a\x08argument\x18\x02 \x01(\x0b2\x14.google.protobuf.Any\x1a\x98\x01\x0a\x11Dela"
    b"yedInvocation\x12\x13\x0a\x0bdelay_in_ms\x18\x01 \x01(\x03\x12F\x0a\x06target\x18\x02 \x01(\x0b26.org.apache.flin"
    b"k.statefun.flink.core.polyglot.Address\x12&\x0a\x08argument\x18\x03 \x01(\x0b2\x14.google.protobuf.Any\x1af\x0a"
    b"\x0dEgressMessage\x12\x18\x0a\x10egress_namespace\x18\x01 \x01(\x09\x12\x13\x0a\x0begress_type\x18\x02 \x01(\x09"
    b"\x12&\x0a\x08argument\x18\x03 \x01(\x0b2\x14.google.protobuf.Any\x1a\xb6\x03\x0a\x12InvocationResponse\x12k\x0a"
    b"\x0fstate_mutations\x18\x01 \x03(\x0b2R.org.apache.flink.statefun.flink.core.polyglot.FromFunction.PersistedValue"
    b"Mutation\x12a\x0a\x11outgoing_messages\x18\x02 \x03(\x0b2F.org.apache.flink.statefun.flink.core.polyglot.FromFunc"
    b"tion.Invocation\x12j\x0a\x13delayed_invocations\x18\x03 \x03(\x0b2M.org.apache.flink.statefun.flink.core.polyglot"
    b".FromFunction.DelayedInvocation\x12d\x0a\x11outgoing_egresses\x18\x04 \x03(\x0b2I.org.apache.flink.statefun.flink"
    b".core.polyglot.FromFunction.EgressMessageB\x0a\x0a\x08responseb\x06proto3"
)
_pool.AddSerializedFile(
    b"\x0a\x10v2/reading.proto\x12\x1astatefun_actors.reading.v2\x1a\x19google/protobuf/any.proto\x1a\x16v2/request_rep"
    b"ly.proto\x22\xc6\x02\x0a\x07Request\x12=\x0a\x0ainvocation\x18d \x01(\x0b2).statefun_actors.reading.v2.Request.Ba"
    b"tch\x1aD\x0a\x0aInvocation\x12\x0e\x0a\x06caller\x18\x01 \x01(\x0c\x12&\x0a\x08argument\x18\x02 \x01(\x0b2\x14.go"
    b"ogle.protobuf.Any\x1a\xb5\x01\x0a\x05Batch\x12\x0e\x0a\x06target\x18\x01 \x01(\x0c\x12W\x0a\x05state\x18\x02 \x03"
    b"(\x0b2H.org.apache.flink.statefun.flink.core.polyglot.ToFunction.PersistedValue\x12C\x0a\x0binvocations\x18\x03 "
    b"\x03(\x0b2..statefun_actors.reading.v2.Request.Invocationb\x06proto3"
)


def _message(descriptor: Descriptor) -> type[Message]:
    message = message_factory.GetMessageClass(descriptor)
    for nested in descriptor.nested_types:
        if not hasattr(message, nested.name):  # protobuf's pure Python leaves them out
            setattr(message, nested.name, _message(nested))
    return message


KafkaProducerRecord = _message(_pool.FindMessageTypeByName("org.apache.flink.statefun.flink.io.KafkaProducerRecord"))
KinesisEgressRecord = _message(_pool.FindMessageTypeByName("org.apache.flink.statefun.flink.io.KinesisEgressRecord"))
Address = _message(_pool.FindMessageTypeByName("org.apache.flink.statefun.flink.core.polyglot.Address"))
ToFunction = _message(_pool.FindMessageTypeByName("org.apache.flink.statefun.flink.core.polyglot.ToFunction"))
FromFunction = _message(_pool.FindMessageTypeByName("org.apache.flink.statefun.flink.core.polyglot.FromFunction"))
Request = _message(_pool.FindMessageTypeByName("statefun_actors.reading.v2.Request"))
