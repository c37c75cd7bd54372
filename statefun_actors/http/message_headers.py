"""The headers of requests that instruments read: messages get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from statefun_actors.dispatch import Application
from statefun_actors.http.request import Request
from statefun_actors.model import Headers

ReadHeaders: TypeAlias = Callable[[Request], Headers | None]


def headers_reader(app: Application) -> ReadHeaders | None:
    """Return a function for the headers that an instrument of *app* reads; None if no instrument reads any.

    Of a repeated header the last one counts. The function returns None for a request without any.
    """
    if (propagation := app.instruments.propagation) is None:
        return None
    names = {name.encode(): name for name in propagation.fields}

    def read(request: Request) -> Headers | None:
        found = {names[name]: value.decode("latin-1") for name, value in request.headers if name in names}
        return found or None

    return read
