"""The embedded engine inside a program: a store, connectors, listeners and the engine, opened and closed together."""

from statefun_actors.assembly.views import Ask, DeadLetterView, FailingView, HistoryEntry, PendingTimer, Schedule
from statefun_actors.engine import IncompatibleStateError, LossRefusedError
from statefun_actors.runtime.async_runtime import AsyncRuntime
from statefun_actors.runtime.blocking import Runtime
from statefun_actors.runtime.options import RuntimeOptions

__all__ = [
    "Ask",
    "AsyncRuntime",
    "DeadLetterView",
    "FailingView",
    "HistoryEntry",
    "IncompatibleStateError",
    "LossRefusedError",
    "PendingTimer",
    "Runtime",
    "RuntimeOptions",
    "Schedule",
]
