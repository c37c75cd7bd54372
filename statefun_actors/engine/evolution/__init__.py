"""Classes that change between two runs: what a store remembers of those that wrote it, and what a change would cost.

With its first commit an engine notes under ``shape:<function type>`` how each type looks, in depth. The next engine
reads nothing where that is the same. Where it differs it reads all there is of that type, so no class is refused for a
change that does no harm, and none starts that would fail later.
"""

from statefun_actors.engine.evolution.checking import (
    Check,
    EvolutionFindings,
    Progress,
    check,
    find_changes,
    move_renamed,
)
from statefun_actors.engine.evolution.findings import (
    IncompatibleStateError,
    Loss,
    LossRefusedError,
    StoredTwice,
    StoredTwiceError,
    Unreadable,
)
from statefun_actors.engine.evolution.shapes import shapes

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
