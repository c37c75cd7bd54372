"""Runs user code: a batch of messages in, an outcome out. Every engine uses it."""

from statefun_actors.dispatch.answers import (
    ANSWER_ADVICE,
    answered_method,
    begun_attempt,
    failure_answer,
    missing_method,
    replies_later,
    rewrapped,
    unwrapped,
    value_inside,
)
from statefun_actors.dispatch.application import Application
from statefun_actors.dispatch.current_task import current_task, run_without_task
from statefun_actors.dispatch.dispatch import dispatch
from statefun_actors.dispatch.durations import Durations, Summary
from statefun_actors.dispatch.events import (
    BatchEnded,
    CallBegun,
    CallEnded,
    EgressDelivered,
    EgressFailed,
    EpochCommitted,
    HandlerEnded,
    HandlerStarted,
    LoopHeld,
    MessageRefused,
    MessageSource,
    MessageTaken,
    RecordProduced,
    RepliedToItself,
    ReplyDropped,
    ReplyForwarded,
    Responded,
    TimerFired,
)
from statefun_actors.dispatch.failure import exit_error, is_terminal
from statefun_actors.dispatch.first_step import Paused, first_step
from statefun_actors.dispatch.given_up import GRACE_SECONDS
from statefun_actors.dispatch.handler_task import HandlerTask, start_handler_task
from statefun_actors.dispatch.instruments import Exposing, Instrument, Instruments, Propagating, Propagation
from statefun_actors.dispatch.log_context import message_lookup
from statefun_actors.dispatch.observed import Dispatch, dispatcher
from statefun_actors.dispatch.places import Places
from statefun_actors.dispatch.restoring import RestoreRefusedError, dispatch_restoring
from statefun_actors.dispatch.served_function import ServedFunction
from statefun_actors.dispatch.stepping import resumed
from statefun_actors.dispatch.system_host import SystemHost, ThreadHost, random_token
from statefun_actors.dispatch.tasks import ended, in_handler_task, undo_cancellations

__all__ = [
    "ANSWER_ADVICE",
    "GRACE_SECONDS",
    "Application",
    "BatchEnded",
    "CallBegun",
    "CallEnded",
    "Dispatch",
    "Durations",
    "EgressDelivered",
    "EgressFailed",
    "EpochCommitted",
    "Exposing",
    "HandlerEnded",
    "HandlerStarted",
    "HandlerTask",
    "Instrument",
    "Instruments",
    "LoopHeld",
    "MessageRefused",
    "MessageSource",
    "MessageTaken",
    "Paused",
    "Places",
    "Propagating",
    "Propagation",
    "RecordProduced",
    "RepliedToItself",
    "ReplyDropped",
    "ReplyForwarded",
    "Responded",
    "RestoreRefusedError",
    "ServedFunction",
    "Summary",
    "SystemHost",
    "ThreadHost",
    "TimerFired",
    "answered_method",
    "begun_attempt",
    "current_task",
    "dispatch",
    "dispatch_restoring",
    "dispatcher",
    "ended",
    "exit_error",
    "failure_answer",
    "first_step",
    "in_handler_task",
    "is_terminal",
    "message_lookup",
    "missing_method",
    "random_token",
    "replies_later",
    "resumed",
    "rewrapped",
    "run_without_task",
    "start_handler_task",
    "undo_cancellations",
    "unwrapped",
    "value_inside",
]
