"""The command line: ``statefun-actors``. One file per command; commands parse and print, other packages do the work."""

from statefun_actors.cli.main import main

__all__ = ["main"]
