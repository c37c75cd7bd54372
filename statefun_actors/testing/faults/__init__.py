"""Faults that a test brings into an engine, all decided by one seed, and the log of what happened."""

from statefun_actors.testing.faults.choices import Choices, RandomChoices, RecordedChoices
from statefun_actors.testing.faults.clock import FaultClock, jump_text
from statefun_actors.testing.faults.display import displayed
from statefun_actors.testing.faults.hostility import Faults, Hostility
from statefun_actors.testing.faults.log import LogEntry, MessageLog
from statefun_actors.testing.faults.mailboxes import LoggedMailboxes, OvertakingMailboxes
from statefun_actors.testing.faults.store import FaultStore, LoggedStore

__all__ = [
    "Choices",
    "FaultClock",
    "FaultStore",
    "Faults",
    "Hostility",
    "LogEntry",
    "LoggedMailboxes",
    "LoggedStore",
    "MessageLog",
    "OvertakingMailboxes",
    "RandomChoices",
    "RecordedChoices",
    "displayed",
    "jump_text",
]
