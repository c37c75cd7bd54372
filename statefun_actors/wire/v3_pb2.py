"""Messages of protocol 3.x, by protos/generate.py from protos/v3/: do not edit."""

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(
    b"\x0a\x0fv3/egress.proto\x12\x16io.statefun.sdk.egress\x22\xc4\x01\x0a\x13KafkaProducerRecord\x12\x0b\x0a\x03key"
    b"\x18\x01 \x01(\x09\x12\x13\x0a\x0bvalue_bytes\x18\x02 \x01(\x0c\x12\x0d\x0a\x05topic\x18\x03 \x01(\x09\x12C\x0a"
    b"\x07headers\x18\x04 \x03(\x0b22.io.statefun.sdk.egress.KafkaProducerRecord.Header\x1a7\x0a\x06Header\x12\x0b\x0a"
    b"\x03key\x18\x01 \x01(\x09\x12\x0d\x0a\x05value\x18\x02 \x01(\x0c\x12\x11\x0a\x09has_value\x18\x03 \x01(\x08\x22l"
    b"\x0a\x13KinesisEgressRecord\x12\x15\x0a\x0dpartition_key\x18\x01 \x01(\x09\x12\x13\x0a\x0bvalue_bytes\x18\x02 "
    b"\x01(\x0c\x12\x0e\x0a\x06stream\x18\x03 \x01(\x09\x12\x19\x0a\x11explicit_hash_key\x18\x04 \x01(\x09b\x06proto3"
)
_pool.AddSerializedFile(
    b"\x0a\x10v3/reading.proto\x12\x1astatefun_actors.reading.v3\x22\x85\x01\x0a\x07Request\x12=\x0a\x0ainvocation\x18d"
    b" \x01(\x0b2).statefun_actors.reading.v3.Request.Batch\x1a;\x0a\x05Batch\x12\x0e\x0a\x06target\x18\x01 \x01(\x0c"
    b"\x12\x0d\x0a\x05state\x18\x02 \x03(\x0c\x12\x13\x0a\x0binvocations\x18\x03 \x03(\x0c\x22_\x0a\x05Value\x12\x10"
    b"\x0a\x08typename\x18\x01 \x01(\x09\x12\x11\x0a\x09has_value\x18\x02 \x01(\x08\x12\x0d\x0a\x05value\x18\x03 \x01("
    b"\x0c\x12\x15\x0a\x08metadata\x18\x04 \x01(\x0cH\x00\x88\x01\x01B\x0b\x0a\x09_metadata\x22S\x0a\x05State\x12\x12"
    b"\x0a\x0astate_name\x18\x01 \x01(\x09\x126\x0a\x0bstate_value\x18\x02 \x01(\x0b2!.statefun_actors.reading.v3.Value"
    b"\x22\xf5\x01\x0a\x0bInvocations\x12A\x0a\x0ainvocation\x18d \x01(\x0b2-.statefun_actors.reading.v3.Invocations.Ba"
    b"tch\x1aQ\x0a\x0aInvocation\x12\x0e\x0a\x06caller\x18\x01 \x01(\x0c\x123\x0a\x08argument\x18\x02 \x01(\x0b2!.state"
    b"fun_actors.reading.v3.Value\x1aP\x0a\x05Batch\x12G\x0a\x0binvocations\x18\x03 \x03(\x0b22.statefun_actors.reading"
    b".v3.Invocations.Invocation\x22i\x0a\x08Metadata\x12?\x0a\x08argument\x18\x02 \x01(\x0b2-.statefun_actors.reading."
    b"v3.Metadata.Argument\x1a\x1c\x0a\x08Argument\x12\x10\x0a\x08metadata\x18\x04 \x03(\x0cb\x06proto3"
)
_pool.AddSerializedFile(
    b"\x0a\x16v3/request_reply.proto\x12\x18io.statefun.sdk.reqreply\x226\x0a\x07Address\x12\x11\x0a\x09namespace\x18"
    b"\x01 \x01(\x09\x12\x0c\x0a\x04type\x18\x02 \x01(\x09\x12\x0a\x0a\x02id\x18\x03 \x01(\x09\x22\xbc\x01\x0a\x0aTyped"
    b"Value\x12\x10\x0a\x08typename\x18\x01 \x01(\x09\x12\x11\x0a\x09has_value\x18\x02 \x01(\x08\x12\x0d\x0a\x05value"
    b"\x18\x03 \x01(\x0c\x12?\x0a\x08metadata\x18\x04 \x03(\x0b2-.io.statefun.sdk.reqreply.TypedValue.Metadata\x1a9\x0a"
    b"\x08Metadata\x12\x0b\x0a\x03key\x18\x01 \x01(\x09\x12\x0d\x0a\x05value\x18\x02 \x01(\x0c\x12\x11\x0a\x09has_value"
    b"\x18\x03 \x01(\x08\x22\x9c\x04\x0a\x0aToFunction\x12Q\x0a\x0ainvocation\x18d \x01(\x0b2;.io.statefun.sdk.reqreply"
    b".ToFunction.InvocationBatchRequestH\x00\x1a_\x0a\x0ePersistedValue\x12\x12\x0a\x0astate_name\x18\x01 \x01(\x09"
    b"\x129\x0a\x0bstate_value\x18\x02 \x01(\x0b2$.io.statefun.sdk.reqreply.TypedValue\x1aw\x0a\x0aInvocation\x121\x0a"
    b"\x06caller\x18\x01 \x01(\x0b2!.io.statefun.sdk.reqreply.Address\x126\x0a\x08argument\x18\x02 \x01(\x0b2$.io.state"
    b"fun.sdk.reqreply.TypedValue\x1a\xd5\x01\x0a\x16InvocationBatchRequest\x121\x0a\x06target\x18\x01 \x01(\x0b2!.io.s"
    b"tatefun.sdk.reqreply.Address\x12B\x0a\x05state\x18\x02 \x03(\x0b23.io.statefun.sdk.reqreply.ToFunction.PersistedV"
    b"alue\x12D\x0a\x0binvocations\x18\x03 \x03(\x0b2/.io.statefun.sdk.reqreply.ToFunction.InvocationB\x09\x0a\x07reque"
    b"st\x22\xbc\x0d\x0a\x0cFromFunction\x12V\x0a\x11invocation_result\x18d \x01(\x0b29.io.statefun.sdk.reqreply.FromFu"
    b"nction.InvocationResponseH\x00\x12k\x0a\x1dincomplete_invocation_context\x18e \x01(\x0b2B.io.statefun.sdk.reqrepl"
    b"y.FromFunction.IncompleteInvocationContextH\x00\x1a\xf2\x01\x0a\x16PersistedValueMutation\x12a\x0a\x0dmutation_ty"
    b"pe\x18\x01 \x01(\x0e2J.io.statefun.sdk.reqreply.FromFunction.PersistedValueMutation.MutationType\x12\x12\x0a\x0as"
    b"tate_name\x18\x02 \x01(\x09\x129\x0a\x0bstate_value\x18\x03 \x01(\x0b2$.io.statefun.sdk.reqreply.TypedValue\x22&"
    b"\x0a\x0cMutationType\x12\x0a\x0a\x06DELETE\x10\x00\x12\x0a\x0a\x06MODIFY\x10\x01\x1aw\x0a\x0aInvocation\x121\x0a"
    b"\x06target\x18\x01 \x01(\x0b2!.io.statefun.sdk.reqreply.Address\x126\x0a\x08argument\x18\x02 \x01(\x0b2$.io.state"
    b"fun.sdk.reqreply.TypedValue\x1a\xd0\x01\x0a\x11DelayedInvocation\x12\x13\x0a\x0bdelay_in_ms\x18\x01 \x01(\x03\x12"
    b"1\x0a\x06target\x18\x02 \x01(\x0b2!.io.statefun.sdk.reqreply.Address\x126\x0a\x08argument\x18\x03 \x01(\x0b2$.io."
    b"statefun.sdk.reqreply.TypedValue\x12\x1f\x0a\x17is_cancellation_request\x18\x0a \x01(\x08\x12\x1a\x0a\x12cancella"
    b"tion_token\x18\x0b \x01(\x09\x1av\x0a\x0dEgressMessage\x12\x18\x0a\x10egress_namespace\x18\x01 \x01(\x09\x12\x13"
    b"\x0a\x0begress_type\x18\x02 \x01(\x09\x126\x0a\x08argument\x18\x03 \x01(\x0b2$.io.statefun.sdk.reqreply.TypedValu"
    b"e\x1a\xe2\x02\x0a\x12InvocationResponse\x12V\x0a\x0fstate_mutations\x18\x01 \x03(\x0b2=.io.statefun.sdk.reqreply."
    b"FromFunction.PersistedValueMutation\x12L\x0a\x11outgoing_messages\x18\x02 \x03(\x0b21.io.statefun.sdk.reqreply.Fr"
    b"omFunction.Invocation\x12U\x0a\x13delayed_invocations\x18\x03 \x03(\x0b28.io.statefun.sdk.reqreply.FromFunction.D"
    b"elayedInvocation\x12O\x0a\x11outgoing_egresses\x18\x04 \x03(\x0b24.io.statefun.sdk.reqreply.FromFunction.EgressMe"
    b"ssage\x1a\xb8\x01\x0a\x0eExpirationSpec\x12N\x0a\x04mode\x18\x01 \x01(\x0e2@.io.statefun.sdk.reqreply.FromFunctio"
    b"n.ExpirationSpec.ExpireMode\x12\x1b\x0a\x13expire_after_millis\x18\x02 \x01(\x03\x229\x0a\x0aExpireMode\x12\x08"
    b"\x0a\x04NONE\x10\x00\x12\x0f\x0a\x0bAFTER_WRITE\x10\x01\x12\x10\x0a\x0cAFTER_INVOKE\x10\x02\x1a\x8f\x01\x0a\x12Pe"
    b"rsistedValueSpec\x12\x12\x0a\x0astate_name\x18\x01 \x01(\x09\x12N\x0a\x0fexpiration_spec\x18\x02 \x01(\x0b25.io.s"
    b"tatefun.sdk.reqreply.FromFunction.ExpirationSpec\x12\x15\x0a\x0dtype_typename\x18\x03 \x01(\x09\x1ap\x0a\x1bIncom"
    b"pleteInvocationContext\x12Q\x0a\x0emissing_values\x18\x01 \x03(\x0b29.io.statefun.sdk.reqreply.FromFunction.Persi"
    b"stedValueSpecB\x0a\x0a\x08responseb\x06proto3"
)
_pool.AddSerializedFile(
    b"\x0a\x0ev3/types.proto\x12\x15io.statefun.sdk.types\x22\x1f\x0a\x0eBooleanWrapper\x12\x0d\x0a\x05value\x18\x01 "
    b"\x01(\x08\x22\x1b\x0a\x0aIntWrapper\x12\x0d\x0a\x05value\x18\x01 \x01(\x0f\x22\x1c\x0a\x0bLongWrapper\x12\x0d\x0a"
    b"\x05value\x18\x01 \x01(\x10\x22\x1d\x0a\x0cFloatWrapper\x12\x0d\x0a\x05value\x18\x01 \x01(\x02\x22\x1e\x0a\x0dDou"
    b"bleWrapper\x12\x0d\x0a\x05value\x18\x01 \x01(\x01\x22\x1e\x0a\x0dStringWrapper\x12\x0d\x0a\x05value\x18\x01 \x01("
    b"\x09b\x06proto3"
)


def _message(descriptor: Descriptor) -> type[Message]:
    message = message_factory.GetMessageClass(descriptor)
    for nested in descriptor.nested_types:
        if not hasattr(message, nested.name):  # protobuf's pure Python leaves them out
            setattr(message, nested.name, _message(nested))
    return message


KafkaProducerRecord = _message(_pool.FindMessageTypeByName("io.statefun.sdk.egress.KafkaProducerRecord"))
KinesisEgressRecord = _message(_pool.FindMessageTypeByName("io.statefun.sdk.egress.KinesisEgressRecord"))
Request = _message(_pool.FindMessageTypeByName("statefun_actors.reading.v3.Request"))
Value = _message(_pool.FindMessageTypeByName("statefun_actors.reading.v3.Value"))
State = _message(_pool.FindMessageTypeByName("statefun_actors.reading.v3.State"))
Invocations = _message(_pool.FindMessageTypeByName("statefun_actors.reading.v3.Invocations"))
Metadata = _message(_pool.FindMessageTypeByName("statefun_actors.reading.v3.Metadata"))
Address = _message(_pool.FindMessageTypeByName("io.statefun.sdk.reqreply.Address"))
TypedValue = _message(_pool.FindMessageTypeByName("io.statefun.sdk.reqreply.TypedValue"))
ToFunction = _message(_pool.FindMessageTypeByName("io.statefun.sdk.reqreply.ToFunction"))
FromFunction = _message(_pool.FindMessageTypeByName("io.statefun.sdk.reqreply.FromFunction"))
BooleanWrapper = _message(_pool.FindMessageTypeByName("io.statefun.sdk.types.BooleanWrapper"))
IntWrapper = _message(_pool.FindMessageTypeByName("io.statefun.sdk.types.IntWrapper"))
LongWrapper = _message(_pool.FindMessageTypeByName("io.statefun.sdk.types.LongWrapper"))
FloatWrapper = _message(_pool.FindMessageTypeByName("io.statefun.sdk.types.FloatWrapper"))
DoubleWrapper = _message(_pool.FindMessageTypeByName("io.statefun.sdk.types.DoubleWrapper"))
StringWrapper = _message(_pool.FindMessageTypeByName("io.statefun.sdk.types.StringWrapper"))
