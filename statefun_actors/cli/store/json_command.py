"""``JsonCommand``: a command with an argument of JSON, which may be a negative number."""

from __future__ import annotations

import re
from typing import Final

import click

_NEGATIVE: Final = re.compile(r"-\d")


class JsonCommand(click.Command):
    """A command with an argument of JSON: ``-5`` is a number for it, not an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # JSON may begin with a blank; an option may not.
        return super().parse_args(ctx, [f" {each}" if _NEGATIVE.match(each) else each for each in args])
