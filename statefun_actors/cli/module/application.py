"""What an application asks of the cluster in front of it, this library's own functions included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from statefun_actors.deploy import Served
    from statefun_actors.dispatch import Application
    from statefun_actors.settings import Settings


def served_by(application: Application, settings: Settings) -> Served:
    """What *application* asks for under *settings*."""
    from statefun_actors.deploy import served

    functions = [route.function for route in application.routes.values()]
    own = [route.function for route in application.all_routes.values() if route.own]
    return served(functions, settings, own)
