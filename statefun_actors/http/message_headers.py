"""The headers of requests that instruments read: messages get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from statefun_actors.dispatch import Application
from statefun_actors.http.request import Request
from statefun_actors.model import Headers

ReadHeaders: TypeAlias = Callable[[Request], Headers | None]

LONGEST: Final = 8_192
"""Bytes of a header that messages get, the most that W3C's baggage may have.

Each message of a request is stored with its headers, and propagators log those that are too long.
"""


def headers_reader(app: Application) -> ReadHeaders | None:
    """Return a function for the headers that an instrument of *app* reads; None if no instrument reads any.

    Of a repeated header the last one counts; one that is too long is as if it were missing. The function returns None
    for a request without any.
    """
    if (propagation := app.instruments.propagation) is None:
        return None
    names = {name.encode(): name for name in propagation.fields}

    def read(request: Request) -> Headers | None:
        found = {
            names[name]: value.decode("latin-1")
            for name, value in request.headers
            if name in names and len(value) <= LONGEST
        }
        return found or None

    return read
