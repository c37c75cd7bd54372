"""Calls from outside: arguments, replies and errors of ``tell`` and ``ask``.

The HTTP clients, the runtimes and the test kit share them, so that a call means the same everywhere.
"""

from statefun_actors.calls.actors import Actors
from statefun_actors.calls.errors import (
    CallError,
    KeyReusedError,
    MessageRefusedError,
    NoReplyError,
    NotAdmittedError,
    NotOpenError,
    NotServedError,
    ReplyTimeoutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnexpectedReplyError,
)
from statefun_actors.calls.options import (
    CallOptions,
    TellOptions,
    check_call,
    check_key,
    check_tell,
    checked_timeout,
    delay_of,
    timeout_seconds,
)
from statefun_actors.calls.question import Question, packed, question
from statefun_actors.calls.reply_address import reply_address_of
from statefun_actors.calls.reply_type import ReplyType, reply_type

__all__ = [
    "Actors",
    "CallError",
    "CallOptions",
    "KeyReusedError",
    "MessageRefusedError",
    "NoReplyError",
    "NotAdmittedError",
    "NotOpenError",
    "NotServedError",
    "Question",
    "ReplyTimeoutError",
    "ReplyType",
    "TellOptions",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnexpectedReplyError",
    "check_call",
    "check_key",
    "check_tell",
    "checked_timeout",
    "delay_of",
    "packed",
    "question",
    "reply_address_of",
    "reply_type",
    "timeout_seconds",
]
