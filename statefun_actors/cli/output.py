"""Output that can't be written: a full disk behind ``>``, say. Told in a line, whatever command it was."""

from __future__ import annotations

import errno
import sys
from typing import Any as Untyped
from typing import Final

import click

_UNWRITABLE: Final = frozenset((errno.ENOSPC, errno.EFBIG, errno.EIO, *filter(None, (getattr(errno, "EDQUOT", None),))))


def is_of_output(error: OSError) -> bool:
    """Whether *error* comes from what a command prints: of files that are named, it would have the name."""
    return error.errno in _UNWRITABLE and error.filename is None


class Commands(click.Group):
    """A group whose commands, and their help, tell it in a line if their output can't be written."""

    def main(self, *args: Untyped, **extra: Untyped) -> Untyped:
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if not is_of_output(error):
                raise
            click.ClickException(f"the output can't be written: {error.strerror}.").show(sys.stderr)
            raise SystemExit(1) from None
