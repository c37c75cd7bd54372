"""The two remote protocols of Flink Stateful Functions, each as bytes to a Batch and an Outcome to bytes.

``V3`` and ``V2`` are the protocols, of one type, ``Dialect``. ``reading`` and ``writing`` are what they share, ``v3``
and ``v2`` how they differ; ``v3_pb2`` and ``v2_pb2`` are generated from ``protos/``.
"""

from statefun_actors.wire.dialect import Dialect
from statefun_actors.wire.malformed import MalformedRequestError
from statefun_actors.wire.v2 import V2
from statefun_actors.wire.v3 import V3

__all__ = ["V2", "V3", "Dialect", "MalformedRequestError"]
