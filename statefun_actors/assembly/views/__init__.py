"""The content of a store as Python values, for the runtimes and the test kit."""

from statefun_actors.assembly.views.conversations import Ask, Schedule, ask_seen, schedule_seen
from statefun_actors.assembly.views.history import HistoryEntry
from statefun_actors.assembly.views.pending import FailingView, PendingTimer
from statefun_actors.assembly.views.store_views import DeadLetterView, StoreViews

__all__ = [
    "Ask",
    "DeadLetterView",
    "FailingView",
    "HistoryEntry",
    "PendingTimer",
    "Schedule",
    "StoreViews",
    "ask_seen",
    "schedule_seen",
]
