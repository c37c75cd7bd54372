"""The base class of all errors of this package."""

from __future__ import annotations

from typing import ClassVar


class StatefunActorsError(Exception):
    """Base of all errors of this package."""

    retryable: ClassVar[bool] = False
