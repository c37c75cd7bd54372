"""The command line: ``statefun-actors``. One file per command; what they do is done by the rooms below."""

from statefun_actors.cli.main import main

__all__ = ["main"]
