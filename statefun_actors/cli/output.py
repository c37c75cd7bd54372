"""What commands print: all of it goes through here, except what is meant for other programs as it is.

Standard output may not be writable: a full disk behind ``>``, a pipe that nobody reads, a closed one (``>&-``).

Python flushes standard output once more while it ends, where an error becomes ``Exception ignored ...`` and exit code
120. So it is flushed here, where that error can be reported as any other.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Generator
from typing import Any as Untyped
from typing import Final

import click

from statefun_actors.text import json_text, one_line

_UNWRITABLE: Final = frozenset(
    (
        errno.ENOSPC,
        errno.EFBIG,
        errno.EIO,
        errno.EPIPE,
        *filter(None, (getattr(errno, "EDQUOT", None),)),
    )
)


def is_of_output(error: OSError) -> bool:
    """Whether *error* comes from what a command prints: of files that are named, it would have the name."""
    return error.errno in _UNWRITABLE and error.filename is None


class OutputError(click.ClickException):
    """Standard output cannot be written. The command is not done; running it again helps once the cause is gone."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output can't be written: {error.strerror}.")


def echo(text: str, *, err: bool = False) -> None:
    """Print *text* on one line of printable characters, whatever ids, names and texts of errors are in it."""
    write(one_line(text), err=err)


def write(text: str, *, err: bool = False) -> None:
    """Print *text*, which is printable, but for line feeds and styles that are meant; in any encoding."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def echo_json(obj: object) -> None:
    """Print *obj* as one line of JSON in UTF-8: of printable characters, the others being escaped."""
    import msgspec

    try:
        text = msgspec.json.encode(obj).decode()
    except UnicodeEncodeError:  # half a surrogate pair, in the name of a file say
        text = json.dumps(obj, ensure_ascii=False, separators=(",", ":"))
    click.echo(json_text(text).encode())


@contextlib.contextmanager
def _printable_errors() -> Generator[None]:
    """Have errors show printable characters alone, and each of their lines but the first indented."""
    try:
        yield
    except click.ClickException as error:
        text = printable_lines(error.format_message())
        error.format_message = lambda: text  # type: ignore[method-assign] # whatever class it is, it shows this
        raise


def printable_lines(text: str) -> str:
    """*text* with its lines kept: each printable, and none but the first at the margin, where an error would begin."""
    first, *more = map(one_line, text.split("\n"))
    return "\n".join([first, *(line if not line or line[0] == " " else f"  {line}" for line in more)])


class Commands(click.Group):
    """A group whose commands, and their help, report in one line that standard output cannot be written."""

    def main(self, *args: Untyped, **extra: Untyped) -> Untyped:
        open_closed_streams()
        return super().main(*args, **extra)

    def make_context(self, *args: Untyped, **extra: Untyped) -> click.Context:
        with _printable_errors(), _written():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Untyped:
        with _printable_errors(), _written():
            return super().invoke(ctx)


def open_closed_streams() -> None:
    """Put ``/dev/null`` in the place of standard streams that are closed (``>&-``): nobody wants what goes there.

    Otherwise the next file or socket that is opened would get their number, and with it what is printed.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != descriptor:
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
            os.set_inheritable(descriptor, True)
        if getattr(sys, name) is None:
            # Another file may have got the descriptor by now. This one stays open until the process ends.
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(nowhere, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


@contextlib.contextmanager
def _written() -> Generator[None]:
    """Raise OutputError unless everything that is printed inside can be written."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        if not is_of_output(error):
            raise
        _discard_stdout()
        raise OutputError(error) from None


def _discard_stdout() -> None:
    """Send what is still buffered nowhere: the interpreter flushes it when it ends."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
