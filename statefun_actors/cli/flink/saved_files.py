"""Names of the files next to a savepoint, and in the folder of a run's checkpoints."""

from __future__ import annotations

from typing import Final

STATES: Final = "statefun-actors-states.yaml"
"""The lock of the application that wrote the state."""
MODULE: Final = "statefun-actors-module.yaml"
"""The module.yaml that it ran with."""
