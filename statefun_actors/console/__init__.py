"""The console: pages in a browser that show a running engine, and change what it holds."""

from typing import Literal

from statefun_actors.console.access import Access
from statefun_actors.console.forwarded import ForwardedConsole
from statefun_actors.console.route import PATH, ConsoleRoute
from statefun_actors.console.subjects import EngineSubject, PartitionsSubject

ConsoleMode = Literal["off", "read-only", "full"]
"""Whether a server has a console, and whether it changes something."""

__all__ = [
    "PATH",
    "Access",
    "ConsoleMode",
    "ConsoleRoute",
    "EngineSubject",
    "ForwardedConsole",
    "PartitionsSubject",
]
