"""Prints the output of commands, except unescaped data for other programs.

Standard output may not be writable: a full disk behind ``>``, a pipe without a reader, a closed descriptor (``>&-``).

At exit, Python flushes standard output again, and an error becomes ``Exception ignored ...`` and exit code 120. So it
is flushed here, where the error can be reported like any other.
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
    """Whether *error* is of standard output: errors of named files have a filename."""
    return error.errno in _UNWRITABLE and error.filename is None


class OutputError(click.ClickException):
    """Standard output can't be written. The command is incomplete; retry it once the cause is removed."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"the output can't be written: {error.strerror}.")


def echo(text: str, *, err: bool = False) -> None:
    """Print *text* as one line, with unprintable characters escaped."""
    write(one_line(text), err=err)


def confirm(question: str) -> None:
    """Ask *question* on standard error, with unprintable characters escaped. Raises click.Abort: the answer is no."""
    click.confirm(one_line(question), abort=True, err=True)


def write(text: str, *, err: bool = False) -> None:
    """Print *text* unescaped, with its line feeds and styles, in any encoding."""
    encoding = getattr(sys.stderr if err else sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def echo_json(obj: object) -> None:
    """Print *obj* as one line of JSON in UTF-8, with unprintable characters escaped."""
    import msgspec

    try:
        text = msgspec.json.encode(obj).decode()
    except UnicodeEncodeError:  # half a surrogate pair, such as in a file name
        text = json.dumps(obj, ensure_ascii=False, separators=(",", ":"))
    click.echo(json_text(text).encode())


@contextlib.contextmanager
def _printable_errors() -> Generator[None]:
    """Escape unprintable characters of errors, and indent all lines but the first."""
    try:
        yield
    except click.ClickException as error:
        text = printable_lines(error.format_message())
        error.format_message = lambda: text  # type: ignore[method-assign] # for every class of error
        raise


def printable_lines(text: str) -> str:
    """*text* with printable lines; all but the first are indented, so that they don't look like another error."""
    first, *more = map(one_line, text.split("\n"))
    return "\n".join([first, *(line if not line or line[0] == " " else f"  {line}" for line in more)])


class Commands(click.Group):
    """A group whose commands report in one line that standard output can't be written."""

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
    """Replace closed standard streams (``>&-``) by ``/dev/null``.

    Otherwise the next opened file or socket would get their descriptor, and with it the output.
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
            # Another file may have the descriptor now. This one stays open until the process ends.
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(nowhere, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


@contextlib.contextmanager
def _written() -> Generator[None]:
    """Raise OutputError if the output inside the block can't be written."""
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
    """Discard the buffered output, which the interpreter would flush at exit."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a descriptor
        descriptor = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
