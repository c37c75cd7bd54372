"""The loggers of the library. What clients send can't forge a line of the log, whatever handlers the application sets.

Messages of these loggers have ids, typenames and texts of errors, which come from outside. So a record is made
printable (:mod:`statefun_actors.text`) before any handler gets it. Records of other loggers are not touched.

The library logs while it handles failures. A handler of the application that raises must not be a further one: its
error is printed, as ``logging`` prints those of its own handlers.
"""

from __future__ import annotations

import contextlib
import functools
import logging

from statefun_actors.text import lines_of, one_line

_formatter = logging.Formatter()


def own_logger(name: str) -> logging.Logger:
    """The logger *name*, whose records are printable: messages of one line, and lines of tracebacks with a prefix."""
    logger = logging.getLogger(name)
    logger.addFilter(_make_printable)
    logger.callHandlers = functools.partial(_call_handlers, logger)  # type: ignore[method-assign]
    return logger


def _call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    try:
        type(logger).callHandlers(logger, record)
    except Exception:
        logging.Handler().handleError(record)


def _make_printable(record: logging.LogRecord) -> bool:
    """The filter of these loggers, which keeps each record. It raises nothing, since handlers report the same error."""
    with contextlib.suppress(Exception):
        text = record.getMessage()
        if not text.isprintable():
            record.msg, record.args = one_line(text.rstrip()), ()
        if record.exc_info and not record.exc_text:
            # Formatters of the logging module take this text, and don't format the error a second time.
            record.exc_text = lines_of(_formatter.formatException(record.exc_info))
    return True
