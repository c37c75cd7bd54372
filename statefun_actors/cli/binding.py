"""``--bind``: opens listening sockets at the addresses of an option."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from statefun_actors.http import Listener


def listeners(binds: Sequence[str], *, processes: int = 1, port: int = 8000, instead: str = "") -> list[Listener]:
    """Open listeners at *binds*, by default at *port*, with a socket for each of *processes*.

    *instead*: a remedy if an address is in use, for the error.

    Raises:
        click.ClickException: an address is invalid, or can't be bound.
    """
    from statefun_actors.http import listen

    if processes > 1:
        # Sockets of several processes share a port, also with those of another command: a plain one finds that out.
        for listener in listeners(binds, port=port, instead=instead):
            listener.close()
    found: list[Listener] = []
    for bind in binds:
        try:
            found.append(listen(bind, processes, port=port))
        except (ValueError, OSError) as error:
            for each in found:
                each.close()
            if isinstance(error, OSError):
                raise click.ClickException(f"can't listen at {bind}: {error.strerror or error}.{instead}") from None
            raise click.UsageError(str(error)) from None
    return found
