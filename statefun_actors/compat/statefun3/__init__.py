"""Apache's StateFun SDK 3.x by its public names: ``from statefun_actors.compat.statefun3 import *``.

The functions run on Flink, on the embedded engine and in ``TestRuntime``; their state and messages have the same bytes
as those of Apache's SDK. ``bind`` also takes the options of this library: ``on_failure=``, ``timeout=``, ``blocking=``,
``internal=`` and ``concurrency=``.
"""

from statefun_actors.compat.statefun3.context import Context
from statefun_actors.compat.statefun3.core import SdkAddress, Type, TypeSerializer, ValueSpec, simple_type
from statefun_actors.compat.statefun3.egress_io import kafka_egress_message, kinesis_egress_message
from statefun_actors.compat.statefun3.messages import (
    EgressMessage,
    Message,
    egress_message_builder,
    message_builder,
)
from statefun_actors.compat.statefun3.request_reply_v3 import RequestReplyHandler
from statefun_actors.compat.statefun3.statefun_builder import StatefulFunctions
from statefun_actors.compat.statefun3.utils import make_json_type, make_protobuf_type, typed_value
from statefun_actors.compat.statefun3.wrapper_types import (
    BoolType,
    DoubleType,
    FloatType,
    IntType,
    LongType,
    StringType,
)

__all__ = [
    "BoolType",
    "Context",
    "DoubleType",
    "EgressMessage",
    "FloatType",
    "IntType",
    "LongType",
    "Message",
    "RequestReplyHandler",
    "SdkAddress",
    "StatefulFunctions",
    "StringType",
    "Type",
    "TypeSerializer",
    "ValueSpec",
    "egress_message_builder",
    "kafka_egress_message",
    "kinesis_egress_message",
    "make_json_type",
    "make_protobuf_type",
    "message_builder",
    "simple_type",
    "typed_value",
]
