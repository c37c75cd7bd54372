"""The options of a runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from statefun_actors.connectors import Target
from statefun_actors.engine import Sink
from statefun_actors.settings import Options


class RuntimeOptions(Options, total=False):
    """What ``AsyncRuntime`` and ``Runtime`` take beside the classes that they run, and the settings of these.

    Each has a default.
    """

    store: Path | str | None
    """The SQLite file, made where it is missing. Default: None, a store in memory that ends with the runtime."""
    bind: str | Sequence[str] | None
    """Addresses at which the HTTP ingress listens: ``127.0.0.1:8080``, ``unix:/path``. Default: None, nowhere."""
    token: str | None
    """What HTTP clients must send as ``Authorization: Bearer``, to ``bind`` and to ``asgi`` alike. Default: None."""
    timeout: timedelta | float
    """For one call with all its attempts: a timedelta, or seconds. Default: 30."""
    egress: Mapping[str, Target | Sink | str]
    """Where the records of each egress go: a path, ``-``, an ``http(s)://`` URL, or a Sink of one's own.

    Records of other egresses stay in the store.
    """
    cache_bytes: int
    """Memory for entities that are in use, in bytes. Default: 64 MiB."""
