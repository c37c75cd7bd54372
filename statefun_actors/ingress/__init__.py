"""Messages from outside: their JSON form, and the backend that takes them."""

from statefun_actors.ingress.backend import Backend
from statefun_actors.ingress.deadlines import Deadlines, Expiring
from statefun_actors.ingress.encoders import MessageEncoder, MessageEncoders, NoJsonFormError, UnclearTypeError
from statefun_actors.ingress.json_lines import BadLine, Lines
from statefun_actors.ingress.line_targets import is_blank, targets_in
from statefun_actors.ingress.message import (
    Answer,
    AnswerLost,
    Cancel,
    GivenUp,
    Handled,
    IngressMessage,
    Interrupted,
    KeyReused,
    NotOpen,
    NotTaken,
    OnAnswer,
    Replied,
    Taken,
    TooMany,
    Unfit,
    Wait,
    message_digest,
)
from statefun_actors.ingress.repeated_keys import RepeatedKeyError, check_once
from statefun_actors.ingress.replies import ReplyMessage, digest
from statefun_actors.ingress.written_delay import delay_of

__all__ = [
    "Answer",
    "AnswerLost",
    "Backend",
    "BadLine",
    "Cancel",
    "Deadlines",
    "Expiring",
    "GivenUp",
    "Handled",
    "IngressMessage",
    "Interrupted",
    "KeyReused",
    "Lines",
    "MessageEncoder",
    "MessageEncoders",
    "NoJsonFormError",
    "NotOpen",
    "NotTaken",
    "OnAnswer",
    "RepeatedKeyError",
    "Replied",
    "ReplyMessage",
    "Taken",
    "TooMany",
    "UnclearTypeError",
    "Unfit",
    "Wait",
    "check_once",
    "delay_of",
    "digest",
    "is_blank",
    "message_digest",
    "targets_in",
]
