"""Moves what an embedded engine has in its store to a Flink job, through Kafka.

Each entity gets a restore (:mod:`statefun_actors.asking.restoring`), which the function ``statefun-actors/ingress`` of
the job sends on once: a move that was interrupted is repeated as a whole, and what has arrived counts once. First go
all states, then what follows from them: delayed messages, and messages that wait. So no entity handles a message before
it, and all that it may call, has its state.

The own functions of this library are entities, too, so open asks and recurring messages move like them.
"""

from statefun_actors.moving.contents import Left, StoreContents
from statefun_actors.moving.move import PATIENCE, Move, MoveStoppedError, Refused

__all__ = ["PATIENCE", "Left", "Move", "MoveStoppedError", "Refused", "StoreContents"]
