"""Moves what an embedded engine has in its store to a Flink job, through Kafka.

Each entity gets restores (:mod:`statefun_actors.asking.restoring`), which the function ``statefun-actors/ingress`` of
the job sends on once: a move that was interrupted is repeated as a whole, and what has arrived counts once. A phase
begins once the job has confirmed the one before:

1. All states. So no entity handles a message before it, and all that it may call, has its state.
2. All delayed messages, with a delay that none of them runs while others are not set: it may cancel or replace them.
3. The messages that wait, one after the other for each entity.

The own functions of this library are entities, too, so open asks and recurring messages move like them.
"""

from statefun_actors.moving.contents import StoreContents
from statefun_actors.moving.left import Left
from statefun_actors.moving.move import HOLD_SECONDS, PATIENCE, Move
from statefun_actors.moving.stopped import MoveStoppedError, Refused
from statefun_actors.moving.tokens import SharedTokenError

__all__ = [
    "HOLD_SECONDS",
    "PATIENCE",
    "Left",
    "Move",
    "MoveStoppedError",
    "Refused",
    "SharedTokenError",
    "StoreContents",
]
