"""The log of a command: configured here, once, for the library, the application and other libraries.

A record is one line, or in ``json`` one JSON object. Ids, texts of errors and headers
are escaped (:mod:`statefun_actors.text`): they can't begin a line or control the terminal. The lines of a traceback
follow their record, each behind a prefix. Records logged while a message is handled have its address and type.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any as Untyped
from typing import Final, Literal, TypeAlias, get_args

import attrs
import click

from statefun_actors.text import CONTINUATION, json_text, lines_of, one_line

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error", "critical"]
LogFormat: TypeAlias = Literal["text", "json"]
OPTION_KEYS: Final = ("log-level", "log-format")
"""Keys of a command line and of a settings file."""

_TALKATIVE: Final = ("httpx", "httpcore", "statefun_actors.http.hypercorn")
"""Loggers whose INFO records are per request or repeat the command's output: shown at ``--log-level debug``."""
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_OWN: Final = ("statefun_address", "statefun_type")


@attrs.frozen
class LogOptions:
    """The options of the log."""

    level: LogLevel
    """Records below it are dropped."""
    format: LogFormat = "text"
    show_process: bool = False
    """Whether a line of text names the process that wrote it."""
    partition: int | None = None
    """The partition that the process runs, if there are several; each record names it."""


def log_options(default: LogLevel) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: the command takes ``--log-level`` and ``--log-format``."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        level = click.option(
            "--log-level", type=click.Choice(get_args(LogLevel)), default=default, show_default=True,
            help="Log records of this level and above, on standard error.",
        )  # fmt: skip
        form = click.option(
            "--log-format", type=click.Choice(get_args(LogFormat)), default="text", show_default=True,
            help="One line of text for each record, or one JSON object.",
        )  # fmt: skip
        return level(form(command))

    return decorate


class LogHandler(logging.Handler):
    """Writes records to standard error."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._write: Callable[[str], None] = _to_stderr

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record))
        except Exception:
            self.handleError(record)

    @contextlib.contextmanager
    def writing_by(self, write: Callable[[str], None]) -> Generator[None]:
        """Write records by *write* meanwhile, such as above a progress bar."""
        self._write = write
        try:
            yield
        finally:
            self._write = _to_stderr


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def logging_to_stderr(options: LogOptions) -> Generator[LogHandler]:
    """Log by *options* until the block ends.

    An application that sets up the root logger for itself, with ``logging.config`` or ``basicConfig(force=True)``,
    replaces the handler; its records have the attributes ``statefun_address`` and ``statefun_type`` then, too. The
    loggers of the library stay enabled (:func:`own_loggers_stay_enabled`).
    """
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    level = getattr(logging, options.level.upper())
    handler = LogHandler(TextFormatter(options) if options.format == "text" else JsonFormatter(options))
    quieted = [logging.getLogger(name) for name in (_TALKATIVE if level > logging.DEBUG else ())]
    before = [(logger, logger.level) for logger in (root, *quieted)]
    root.addHandler(handler)
    root.setLevel(level)
    for logger in quieted:
        logger.setLevel(logging.WARNING)
    logging.setLogRecordFactory(_with_message(factory))
    logging.captureWarnings(True)
    try:
        yield handler
    finally:
        logging.captureWarnings(False)
        logging.setLogRecordFactory(factory)
        root.removeHandler(handler)
        for logger, was in before:
            logger.setLevel(was)


@contextlib.contextmanager
def own_loggers_stay_enabled() -> Generator[None]:
    """Enable the library's loggers that the block disables.

    ``logging.config.dictConfig`` and ``fileConfig`` disable all loggers that exist and that they don't name, unless
    they are told otherwise. So an application that sets up its log would silence each failure of a handler.
    """
    before = {logger for logger in _own_loggers() if logger.disabled}
    try:
        yield
    finally:
        for logger in _own_loggers():
            if logger not in before:
                logger.disabled = False


def _own_loggers() -> list[logging.Logger]:
    known = list(logging.Logger.manager.loggerDict.items())
    return [each for name, each in known if isinstance(each, logging.Logger) and _is_of_library(name)]


def _with_message(factory: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    """Makes records with the address and type of the current message."""
    from statefun_actors.dispatch import message_lookup

    running_message = message_lookup()

    def make(*args: Untyped, **kwargs: Untyped) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        running = running_message()
        record.statefun_address, record.statefun_type = (None, None) if running is None else map(str, running)
        return record

    return make


class TextFormatter(logging.Formatter):
    """``2026-01-31 12:00:00,000 WARNING bank [bank/account/ada bank/deposit]: low balance``."""

    def __init__(self, options: LogOptions) -> None:
        super().__init__()
        self._show_process = options.show_process
        self._partition = "" if options.partition is None else f"[partition {options.partition}] "

    def format(self, record: logging.LogRecord) -> str:
        process = f"[{record.process}] " if self._show_process else ""
        address, typename = (getattr(record, name, None) for name in _OWN)
        # Records of the library itself have the address in their text.
        shown = "" if address is None or _is_of_library(record.name) else f" [{f'{address} {typename}'.rstrip()}]"
        head = f"{record.levelname} {record.name}{shown}: {record.getMessage().rstrip()}"
        first = f"{self.formatTime(record)} {process}{self._partition}{one_line(head)}"
        return f"\n{CONTINUATION}".join([first, *(lines_of(text) for text in _more(self, record))])


class JsonFormatter(logging.Formatter):
    """One JSON object, without characters that are not printable."""

    def __init__(self, options: LogOptions) -> None:
        super().__init__()
        self._partition = options.partition

    def format(self, record: logging.LogRecord) -> str:
        address, typename = (getattr(record, name, None) for name in _OWN)
        obj: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "partition": self._partition,
            "address": address,
            "type": typename,
            "message": record.getMessage(),
            "exception": "\n".join(_more(self, record)) or None,
            "extra": {
                key: value for key, value in vars(record).items() if key not in _STANDARD and key not in _OWN
            } or None,
        }  # fmt: skip
        given = {key: value for key, value in obj.items() if value is not None}
        return json_text(json.dumps(given, ensure_ascii=False, default=repr))


def _is_of_library(logger: str) -> bool:
    return logger.partition(".")[0] == "statefun_actors"


def _more(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    """The traceback and the stack of *record*, if any."""
    # Not exc_text first: that of the library's own records has prefixes already.
    error = formatter.formatException(record.exc_info) if record.exc_info else record.exc_text
    stack = formatter.formatStack(record.stack_info) if record.stack_info else None
    return [text for text in (error, stack) if text]
