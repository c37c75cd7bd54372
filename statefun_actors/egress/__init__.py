"""Where egress records go besides files: an HTTP endpoint, standard output. And how a target is written."""

from statefun_actors.egress.answers import Delivered, Refused, TryAgain, meaning
from statefun_actors.egress.http import REFUSED_RECORDS, HttpSink, HttpSinkOptions
from statefun_actors.egress.stdout import StdoutSink
from statefun_actors.egress.targets import FileTarget, HttpTarget, StdoutTarget, Target, read_target
from statefun_actors.egress.threads import in_thread

__all__ = [
    "REFUSED_RECORDS",
    "Delivered",
    "FileTarget",
    "HttpSink",
    "HttpSinkOptions",
    "HttpTarget",
    "Refused",
    "StdoutSink",
    "StdoutTarget",
    "Target",
    "TryAgain",
    "in_thread",
    "meaning",
    "read_target",
]
