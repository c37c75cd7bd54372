"""Links between the partitions of one system: a sink in the sender, a source and a server in the receiver.

The sender's epoch holds a message for another partition as an egress record. The receiver stores, with the epoch that
takes the message, the number of the last record of that sender. Records that come again are dropped by it, so each
message arrives exactly once, in the order of the sender.
"""

from statefun_actors.connectors.partitions.link_server import (
    LinkServer,
)
from statefun_actors.connectors.partitions.link_sink import (
    LinkSink,
)
from statefun_actors.connectors.partitions.link_source import (
    LinkSource,
)

__all__ = [
    "LinkServer",
    "LinkSink",
    "LinkSource",
]
