"""The headers of a record, such as ``traceparent``, as headers of the request that sends it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from statefun_actors.model import Headers

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_OF_THE_CONNECTION: Final = frozenset({
    "connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "te", "trailer",
    "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers that describe the request itself."""


def sendable(headers: Headers | None) -> Mapping[str, str]:
    """Those of *headers* that a request can have, with names in lower case.

    A propagator, or an imported store, can give any text. HTTP refuses some of it, and a request that is refused would
    be repeated without end.
    """
    if headers is None:
        return {}
    lower = ((name.lower(), value) for name, value in headers.items())
    return {
        name: value
        for name, value in lower
        if name not in _OF_THE_CONNECTION and _NAME.fullmatch(name) and _VALUE.fullmatch(value)
    }
