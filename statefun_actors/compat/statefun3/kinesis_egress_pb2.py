"""The message of a record for Kinesis, as in Apache's ``statefun.kinesis_egress_pb2``."""

from statefun_actors.wire import v3_pb2

KinesisEgressRecord = v3_pb2.KinesisEgressRecord

__all__ = ["KinesisEgressRecord"]
