"""Property tests with Hypothesis: messages and fields from the classes' own types, and a machine that sends them.

It needs the extra ``[hypothesis]``.
"""

from statefun_actors.testing.strategies.machine import RuntimeMachine, runtime_machine
from statefun_actors.testing.strategies.messages import fields, messages
from statefun_actors.testing.strategies.values import values

__all__ = ["RuntimeMachine", "fields", "messages", "runtime_machine", "values"]
