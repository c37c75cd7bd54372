"""``run --bind``: where the HTTP ingress listens, whether that needs a token, and what a run says about itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.binding import listeners
from statefun_actors.text import one_line

if TYPE_CHECKING:
    from statefun_actors.http import Listener

_PORT: Final = 8080
BIND: Final = f"127.0.0.1:{_PORT}"
"""The default."""
STOPPING: Final = "Stopping: running handlers finish, and results are stored. Repeat to stop at once."
"""Printed at the first signal."""


def running_text(typenames: Sequence[str], where: str) -> str:
    """The line about a run that does not end by itself. *where*: its state, such as ``state in FILE``."""
    return one_line(f"Running {', '.join(typenames)}; {where}. Ctrl-C stops.")


def messages_text(listener: Listener, *, tls: bool = False) -> str:
    """The line about a *listener* that takes messages; *tls*: over HTTPS."""
    return one_line(f"Messages are taken at {listener.url(tls=tls)}/ingress/<namespace>/<name>/<id>")


def listening_at(
    binds: Sequence[str], token: str | None, processes: int, *, known_clients: bool = False
) -> list[Listener]:
    """Open listeners at *binds*, with a socket for each of *processes*.

    *known_clients*: certificates say who may connect, so no token is needed.

    Raises:
        click.ClickException: an address is invalid or can't be bound, or anyone could send messages.
    """
    if "none" in binds:
        if len(binds) > 1:
            raise click.UsageError("--bind none excludes any other --bind.")
        return []
    if not binds:
        return []
    if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token and token):
        raise click.UsageError("expected a --token of printable ASCII, without blanks around it.")
    instead = " Choose another address with --bind HOST:PORT, or --bind none."
    listening = listeners(binds, processes=processes, port=_PORT, instead=instead)
    for listener in listening:
        if token is None and not known_clients and not listener.local:
            for each in listening:
                each.close()
            raise click.UsageError(
                f"anyone who can reach {listener.name} could send messages; set a bearer token with --token TEXT."
            )
    return listening
