"""Stateful functions as plain Python functions of a context and a message, as the 2.0 SDK has them."""

from statefun_actors.functions.context import Context
from statefun_actors.functions.functions import StatefulFunctions

__all__ = ["Context", "StatefulFunctions"]
