"""The options of a runtime."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final, cast

from statefun_actors.calls import checked_timeout
from statefun_actors.connectors import FileTarget, HttpTarget, Target, read_target
from statefun_actors.console import ConsoleMode
from statefun_actors.dispatch import Instrument
from statefun_actors.engine import Sink
from statefun_actors.errors import DefinitionError
from statefun_actors.history import MOST_KEPT
from statefun_actors.settings import Options, Settings, settings_with
from statefun_actors.store import FileUse, wrong_uses


class RuntimeOptions(Options, total=False):
    """The keyword arguments of ``AsyncRuntime`` and ``Runtime``: these, and the settings of the application.

    Each has a default.
    """

    store: Path | str | None
    """The SQLite file, created if it is missing, or a URL: ``sqlite:///FILE`` (absolute: four slashes), ``memory://``.
    Default: None, a store in memory that ends with the runtime.
    """
    strict: bool
    """Refuse to start if changed classes would lose stored data. Default: False, which logs a warning instead.
    """
    after_move: bool
    """Start although ``export --to-kafka`` has moved the store to a Flink job. Default: False, which refuses that."""
    bind: str | Sequence[str] | None
    """Addresses at which the HTTP ingress listens: ``127.0.0.1:8080``, ``unix:/path``. Default: None, no listener."""
    token: str | None
    """The token that HTTP clients must send as ``Authorization: Bearer``, to ``bind`` and ``asgi``. Default: None."""
    console: ConsoleMode
    """The pages for a browser, at ``bind`` and as ``runtime.console``. ``read-only``: they show what the store holds;
    ``full``: they also change it; ``off``: there are none. Default: ``full``.
    """
    timeout: timedelta | float
    """The timeout of one call with all its attempts: a timedelta, or seconds. Default: 30."""
    egress: Mapping[str, Target | Sink | str]
    """The target of each egress: a path, ``-``, an ``http(s)://`` URL, or a Sink of your own.

    Records of other egresses stay in the store.
    """
    egress_backlog: int
    """Records that may wait for their sinks before messages from outside are refused. Default: 1,000,000."""
    instruments: Sequence[Instrument]
    """Observers, called on the engine's thread: see :class:`~statefun_actors.Instrument`. Default: none."""
    history: int
    """The number of messages that the history of each entity keeps, for ``history()`` and the console.
    Default: 0, which records nothing and costs nothing.
    """
    cache_bytes: int
    """Memory for entities that are in use, in bytes. Default: 64 MiB."""


_OWN: Final = (
    "store",
    "strict",
    "after_move",
    "bind",
    "token",
    "console",
    "timeout",
    "egress",
    "egress_backlog",
    "history",
    "cache_bytes",
    "instruments",
)


def application_settings(options: RuntimeOptions) -> Settings:
    """The settings of the application among *options*.

    Raises:
        DefinitionError: an option is unknown or invalid.
    """
    known = RuntimeOptions.__annotations__
    if unknown := [name for name in options if name not in known]:
        expected = ", ".join((*_OWN, *sorted(known.keys() - _OWN)))
        raise DefinitionError(
            "a runtime", [f"unknown option {name!r}; expected one of: {expected}" for name in unknown]
        )
    problems = []
    token = options.get("token")
    if token is not None and not (token.isascii() and token.isprintable() and token and token.strip() == token):
        problems.append("expected a token= of printable ASCII without blanks around it")
    console = options.get("console", "full")
    if console not in {"off", "read-only", "full"}:
        problems.append(f"expected a console= of 'off', 'read-only' or 'full', got {console!r}")
    for name in ("cache_bytes", "egress_backlog"):
        value = options.get(name, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            problems.append(f"expected a {name}= of 1 or more, got {value!r}")
    history = options.get("history", 0)
    if not isinstance(history, int) or isinstance(history, bool) or not 0 <= history <= MOST_KEPT:
        problems.append(f"expected a history= of 0 (nothing is recorded) to {MOST_KEPT:,} messages, got {history!r}")
    try:
        checked_timeout(options.get("timeout", 1))
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise DefinitionError("a runtime", problems)
    settings = {name: value for name, value in options.items() if name not in _OWN}
    return settings_with(None, cast("Options", settings))


def egress_targets(egress: Mapping[str, Target | Sink | str], store: Path | None) -> dict[str, Target | Sink]:
    """*egress* with each text parsed. *store*: the file of the state; None: it is in memory.

    Raises:
        DefinitionError: a text is not a target, a file belongs to the store or another egress, or httpx is missing.
    """
    found: dict[str, Target | Sink] = {}
    problems: list[str] = []
    files: list[FileUse] = []
    for name, written in egress.items():
        try:
            target = read_target(written, os.environ) if isinstance(written, str) else written
        except ValueError as error:
            problems.append(f"egress= {name}: {error}")
            continue
        found[name] = target
        if isinstance(target, FileTarget):
            files.append(FileUse(target.path, f"egress= {name}"))
        if isinstance(target, HttpTarget) and importlib.util.find_spec("httpx") is None:
            problems.append(f'egress=: {name} needs httpx: pip install "statefun-actors[client]"')
    problems += wrong_uses(files, store=store)
    if problems:
        raise DefinitionError("a runtime", problems)
    return found
