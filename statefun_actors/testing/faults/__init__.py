"""Faults that a test injects into an engine, all decided by one seed, and the log of a run."""

from statefun_actors.testing.faults.choices import Choices, RandomChoices, RecordedChoices
from statefun_actors.testing.faults.fault_clock import FaultClock, jump_text
from statefun_actors.testing.faults.fault_sinks import FaultSink
from statefun_actors.testing.faults.given_up import GivenUpErrors
from statefun_actors.testing.faults.hostility import Faults, Hostility
from statefun_actors.testing.faults.log import LogEntry, MessageLog
from statefun_actors.testing.faults.logged_mailboxes import LoggedMailboxes, OvertakingMailboxes
from statefun_actors.testing.faults.logged_stores import FaultStore, LoggedStore
from statefun_actors.testing.faults.shown_values import (
    displayed,
    excerpt,
    same_beginning,
    text_of,
    tokens_alike,
    whole_text_of,
)

__all__ = [
    "Choices",
    "FaultClock",
    "FaultSink",
    "FaultStore",
    "Faults",
    "GivenUpErrors",
    "Hostility",
    "LogEntry",
    "LoggedMailboxes",
    "LoggedStore",
    "MessageLog",
    "OvertakingMailboxes",
    "RandomChoices",
    "RecordedChoices",
    "displayed",
    "excerpt",
    "jump_text",
    "same_beginning",
    "text_of",
    "tokens_alike",
    "whole_text_of",
]
