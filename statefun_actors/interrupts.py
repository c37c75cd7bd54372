"""Tells Ctrl-C from a ``KeyboardInterrupt`` that user code raised.

The commands ``run`` and ``serve`` handle Ctrl-C themselves, so there it was user code. In any other process it may be
Ctrl-C, which that program handles.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Final


class _Process:
    owners = 0


_process: Final = _Process()


@contextlib.contextmanager
def owning_process() -> Generator[None]:
    """A context in which a KeyboardInterrupt that leaves user code is a failure of that code."""
    _process.owners += 1
    try:
        yield
    finally:
        _process.owners -= 1


def owns_process() -> bool:
    """Whether :func:`owning_process` is entered."""
    return _process.owners > 0


def may_be_ctrl_c(error: BaseException) -> bool:
    """Whether *error*, which left user code, may be Ctrl-C."""
    return isinstance(error, KeyboardInterrupt) and not owns_process()


def of_user_code(error: BaseException) -> BaseException:
    """*error*, which left user code that reads or writes a value. If it may be Ctrl-C, it is raised."""
    if may_be_ctrl_c(error):
        raise error
    return error
