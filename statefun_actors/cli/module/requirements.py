"""The requirements of an application on its cluster, with this library's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from statefun_actors.deploy import Served
    from statefun_actors.dispatch import Application
    from statefun_actors.settings import Settings


def served_by(application: Application, settings: Settings) -> Served:
    """The requirements of *application* under *settings*."""
    from statefun_actors.deploy import served

    functions = [served.function for served in application.served.values()]
    own = [served.function for served in application.all_served.values() if served.own]
    return served(functions, settings, own)
