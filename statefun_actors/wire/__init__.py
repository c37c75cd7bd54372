"""The two remote protocols of Flink Stateful Functions: request bytes to a Batch, an Outcome to reply bytes.

``V3`` and ``V2`` are the protocols, both of the type ``Dialect``. ``request_reader`` and ``reply_writer`` are shared,
``v3`` and ``v2`` have the differences; ``headers_writer`` writes replies with headers, which only 3.x has. ``v3_pb2``
and ``v2_pb2`` are generated from ``protos/``.
"""

from statefun_actors.wire import v2_pb2, v3_pb2
from statefun_actors.wire.dialect import Dialect
from statefun_actors.wire.malformed import MalformedRequestError
from statefun_actors.wire.v2 import V2, in_2x, state_in_2x
from statefun_actors.wire.v3 import V3

__all__ = ["V2", "V3", "Dialect", "MalformedRequestError", "in_2x", "state_in_2x", "v2_pb2", "v3_pb2"]
