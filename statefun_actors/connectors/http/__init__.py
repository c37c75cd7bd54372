"""An HTTP endpoint as an egress."""

from statefun_actors.connectors.http.http_sink import REFUSED_RECORDS, HttpSink
from statefun_actors.connectors.http.options import HttpSinkOptions
from statefun_actors.connectors.http.shown_url import (
    shown_url,
)
from statefun_actors.connectors.http.verdicts import (
    Delivered,
    RecordRefused,
    TryAgain,
    meaning,
)

__all__ = [
    "REFUSED_RECORDS",
    "Delivered",
    "HttpSink",
    "HttpSinkOptions",
    "RecordRefused",
    "TryAgain",
    "meaning",
    "shown_url",
]
