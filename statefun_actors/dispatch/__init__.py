"""The waist: the one place where user code runs."""

from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.dispatch import dispatch
from statefun_actors.dispatch.failure import is_terminal
from statefun_actors.dispatch.running import running_message
from statefun_actors.dispatch.steps import resumed

__all__ = ["Application", "dispatch", "is_terminal", "resumed", "running_message"]
