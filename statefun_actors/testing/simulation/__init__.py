"""``simulate``: one scenario under many seeds of faults, and the report of the first seed whose result differs."""

from statefun_actors.testing.simulation.report import SimulationError
from statefun_actors.testing.simulation.simulate import simulate

__all__ = ["SimulationError", "simulate"]
