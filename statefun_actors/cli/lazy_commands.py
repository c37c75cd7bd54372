"""A group of commands, each of which is imported when it is chosen: the help of the group is shown at once."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any as Untyped
from typing import NamedTuple

import click

from statefun_actors.cli.output import Commands


class CommandPlace(NamedTuple):
    """Where a command is defined, such as ``run.command:run``, and its line in the help of the group."""

    place: str
    short_help: str


class LazyCommands(Commands):
    """The group; ``places`` are those of its commands, by name."""

    def __init__(self, *args: Untyped, places: Mapping[str, CommandPlace], **extra: Untyped) -> None:
        super().__init__(*args, **extra)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return sorted(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if (found := self._places.get(cmd_name)) is None:
            return None
        module, _, name = found.place.partition(":")
        command = getattr(importlib.import_module(f"statefun_actors.cli.{module}"), name)
        assert isinstance(command, click.Command)
        command.short_help = found.short_help  # completion shows it, too
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._places[name].short_help) for name in self.list_commands(ctx)])
