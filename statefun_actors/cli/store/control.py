"""Changes a store by the engine that runs on it, or directly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from statefun_actors.admin import Control
    from statefun_actors.cli.store.place import StoreLocation


def change_store(place: StoreLocation, change: Callable[[Control], Awaitable[object]]) -> bool:
    """Perform *change* on the store of *place*; returns whether an engine did it.

    Raises:
        ClickException: Ctrl-C was pressed.
        StatefunActorsError: what *change* raised; or the store is in use by a process without a control socket.
    """

    async def changed() -> bool:
        from statefun_actors.admin import is_running, open_control

        control = await open_control(place.store, renamed=None if place.app is None else place.app.renamed)
        try:
            await change(control)
            return is_running(control)
        finally:
            await control.close()

    try:
        return asyncio.run(changed())
    except KeyboardInterrupt:
        raise click.ClickException(
            "interrupted. The change may or may not have been made: check before you repeat it."
        ) from None
