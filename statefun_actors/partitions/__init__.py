"""Partitions of one system: which one has an address, and how a message or a record for another one is written.

Pure functions.
"""

from statefun_actors.partitions.envelope import (
    HANDED_OVER,
    Envelope,
    read_envelope,
    write_envelope,
)
from statefun_actors.partitions.link_position import (
    LinkPosition,
    read_link_position,
)
from statefun_actors.partitions.names import (
    call_id,
    egress_link,
    is_between_partitions,
    is_call_id,
    link,
    partition_of_call,
    seq_of_call,
)
from statefun_actors.partitions.partition import (
    Partition,
    partition_of,
    partition_of_name,
    partition_of_target,
)
from statefun_actors.partitions.record import (
    read_record,
    write_record,
)

__all__ = [
    "HANDED_OVER",
    "Envelope",
    "LinkPosition",
    "Partition",
    "call_id",
    "egress_link",
    "is_between_partitions",
    "is_call_id",
    "link",
    "partition_of",
    "partition_of_call",
    "partition_of_name",
    "partition_of_target",
    "read_envelope",
    "read_link_position",
    "read_record",
    "seq_of_call",
    "write_envelope",
    "write_record",
]
