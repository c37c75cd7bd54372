"""A group of commands whose default command is ``list``."""

from __future__ import annotations

import click


class ListingGroup(click.Group):
    """``failing APP`` is ``failing list APP``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args.insert(0, "list")
        return super().parse_args(ctx, args)
