"""Messages from outside: how they are written as JSON, and who takes them."""

from statefun_actors.ingress.backend import Backend
from statefun_actors.ingress.deadlines import Deadlines
from statefun_actors.ingress.encoders import Lane, Lanes, NoJsonFormError, UnclearTypeError
from statefun_actors.ingress.keys import RepeatedKeyError, check_once
from statefun_actors.ingress.lines import BadLine, Lines
from statefun_actors.ingress.message import (
    Answer,
    AnswerLost,
    GivenUp,
    Handled,
    Interrupted,
    KeyReused,
    Letter,
    NotTaken,
    Replied,
    Taken,
    TooMany,
    Wait,
)

__all__ = [
    "Answer",
    "AnswerLost",
    "Backend",
    "BadLine",
    "Deadlines",
    "GivenUp",
    "Handled",
    "Interrupted",
    "KeyReused",
    "Lane",
    "Lanes",
    "Letter",
    "Lines",
    "NoJsonFormError",
    "NotTaken",
    "RepeatedKeyError",
    "Replied",
    "Taken",
    "TooMany",
    "UnclearTypeError",
    "Wait",
    "check_once",
]
