"""What lies beside a savepoint, and in the folder of a run's checkpoints."""

from __future__ import annotations

from typing import Final

STATES: Final = "statefun-actors-states.yaml"
"""In a savepoint that the command has left, and in the folder of a run's checkpoints: the lock of its application."""
MODULE: Final = "statefun-actors-module.yaml"
"""There, too: the module.yaml that it ran with."""
