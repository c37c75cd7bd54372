"""The console: pages in a browser that show a running engine."""

from statefun_actors.console.access import Access
from statefun_actors.console.route import PATH, ConsoleRoute

__all__ = ["PATH", "Access", "ConsoleRoute"]
