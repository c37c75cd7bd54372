"""Options of an HTTP sink."""

from __future__ import annotations

from typing import Final

import attrs

FIRST_PAUSE: Final = 0.2
"""Seconds after the first failed attempt."""


@attrs.frozen(kw_only=True)
class HttpSinkOptions:
    """Options of an HTTP sink. Times are in seconds.

    Args:
        in_flight: the maximum number of concurrent requests.
        timeout: of one request.
        longest_pause: between two attempts, unless the receiver asks for longer.
    """

    in_flight: int = 16
    timeout: float = 30.0
    longest_pause: float = 60.0
