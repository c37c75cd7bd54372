"""URLs as people and logs see them: without what may be secret: password, query and fragment."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator


def shown_url(url: str) -> str:
    """*url*, valid or not, without its password and fragment, and with ``?…`` for its query."""
    rest, query, _ = url.partition("#")[0].partition("?")
    scheme, separator, rest = rest.rpartition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}{query and '?…'}"


@contextlib.contextmanager
def hidden_from_log(url: str) -> Generator[None]:
    """Until the block ends, httpx logs requests to *url*, at level INFO, with the URL that people may see."""

    def hide(record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(shown_url(url) if str(each) == url else each for each in record.args)
        return True

    logger = logging.getLogger("httpx")
    logger.addFilter(hide)
    try:
        yield
    finally:
        logger.removeFilter(hide)
