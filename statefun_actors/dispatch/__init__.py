"""The waist: the one place where user code runs."""

from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.describing import describe_error
from statefun_actors.dispatch.dispatch import dispatch
from statefun_actors.dispatch.failure import is_terminal
from statefun_actors.dispatch.steps import resumed

__all__ = ["Application", "describe_error", "dispatch", "is_terminal", "resumed"]
