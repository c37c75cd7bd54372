"""Stateful functions as Python functions of a context and a message, as in the 2.0 SDK."""

from statefun_actors.functions.bound import BoundFunction, DeclaredFunction
from statefun_actors.functions.context import Context
from statefun_actors.functions.functions import StatefulFunctions

__all__ = ["BoundFunction", "Context", "DeclaredFunction", "StatefulFunctions"]
