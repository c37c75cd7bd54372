"""The message of a record for Kinesis, as in Apache's ``statefun.kinesis_egress_pb2``."""

from typing import TYPE_CHECKING

from statefun_actors.compat.statefun2.default_pool import registered
from statefun_actors.wire import v2_pb2

if TYPE_CHECKING:
    KinesisEgressRecord = v2_pb2.KinesisEgressRecord
else:
    KinesisEgressRecord = registered(v2_pb2.KinesisEgressRecord, "kinesis-egress.proto")

__all__ = ["KinesisEgressRecord"]
