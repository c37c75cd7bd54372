"""Apache's StateFun SDK 2.x by its public names: ``from statefun_actors.compat.statefun2 import *``.

The functions run on Flink, on the embedded engine and in ``TestRuntime``; their state and messages have the same bytes
as those of Apache's SDK. ``bind`` also takes the options of this library: ``on_failure=``, ``timeout=``, ``blocking=``,
``internal=``, ``concurrency=`` and ``states=``.
"""

from statefun_actors.compat.statefun2.core import StatefulFunctions, kafka_egress_record, kinesis_egress_record
from statefun_actors.compat.statefun2.request_reply import AsyncRequestReplyHandler, RequestReplyHandler

__all__ = [
    "AsyncRequestReplyHandler",
    "RequestReplyHandler",
    "StatefulFunctions",
    "kafka_egress_record",
    "kinesis_egress_record",
]
