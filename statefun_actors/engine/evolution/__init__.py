"""Checks at a start whether changed classes can read the data of a store.

The first commit of an engine stores the full shape of each function type under ``shape:<function type>``. The next
engine compares. It reads nothing of types with the same shape, and all data of changed types: a harmless change is
accepted, and classes that would fail later are refused.
"""

from statefun_actors.engine.evolution.findings import (
    IncompatibleStateError,
    Loss,
    LossRefusedError,
    StoredTwice,
    StoredTwiceError,
    Unreadable,
)
from statefun_actors.engine.evolution.shapes import shapes
from statefun_actors.engine.evolution.store_check import (
    Check,
    EvolutionFindings,
    Progress,
    check,
    find_changes,
    move_renamed,
)

__all__ = [
    "Check",
    "EvolutionFindings",
    "IncompatibleStateError",
    "Loss",
    "LossRefusedError",
    "Progress",
    "StoredTwice",
    "StoredTwiceError",
    "Unreadable",
    "check",
    "find_changes",
    "move_renamed",
    "shapes",
]
