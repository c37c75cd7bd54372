"""Batches over the wires of Flink, inside a test: as bytes, through the code of the HTTP endpoint, and back."""

from statefun_actors.testing.wires.requests import request_2x, request_3x
from statefun_actors.testing.wires.turns import WireTurns

__all__ = ["WireTurns", "request_2x", "request_3x"]
